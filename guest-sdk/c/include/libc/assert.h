/* An assertion that fails ends the handler with its text and place. */
#include "../nfos/effects.h"
#undef assert
#ifdef NDEBUG
#define assert(condition) ((void)0)
#else
#define assert(condition)                                                                       \
    ((condition) ? (void)0                                                                      \
                 : nfos_panic("`%s` does not hold, at %s:%d", #condition, __FILE__, __LINE__))
#endif
