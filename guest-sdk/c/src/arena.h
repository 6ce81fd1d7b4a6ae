/* What the exports tell the allocator. */
#ifndef NFOS_ARENA_H
#define NFOS_ARENA_H

#include <stdbool.h>

/* Keeps for good what has been allocated until now. */
void nfos_arena_mark(void);

/* Forgets what has been allocated since the mark. */
void nfos_arena_reset(void);

#endif
