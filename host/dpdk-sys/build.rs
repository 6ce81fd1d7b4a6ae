//! Generates the bindings from the installed headers, if the feature asks for them.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "bindings")]
    bindings::build();
}

#[cfg(feature = "bindings")]
mod bindings {
    use std::env;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    /// What a build needs, as Debian names it.
    const PACKAGES: &str = "libdpdk-dev pkg-config gcc libclang1-14 libclang-common-14-dev";
    /// The oldest that was tried.
    const VERSION: &str = "22.11";
    /// Drivers need no linking: EAL loads those of the distribution.
    const LIBRARIES: [&str; 4] = ["rte_ethdev", "rte_mbuf", "rte_mempool", "rte_eal"];

    const FUNCTIONS: [&str; 39] = [
        "nfos_.*",
        "rte_dev_probe",
        "rte_dev_remove",
        "rte_eal_cleanup",
        "rte_eal_init",
        "rte_eth_dev_adjust_nb_rx_tx_desc",
        "rte_eth_dev_close",
        "rte_eth_dev_configure",
        "rte_eth_dev_get_port_by_name",
        "rte_eth_dev_info_get",
        "rte_eth_dev_is_valid_port",
        "rte_eth_dev_rss_hash_conf_get",
        "rte_eth_dev_rss_hash_update",
        "rte_eth_dev_rss_reta_query",
        "rte_eth_dev_rss_reta_update",
        "rte_eth_dev_socket_id",
        "rte_eth_dev_start",
        "rte_eth_dev_stop",
        "rte_eth_link_get_nowait",
        "rte_eth_macaddr_get",
        "rte_eth_promiscuous_enable",
        "rte_eth_rx_queue_setup",
        "rte_eth_stats_get",
        "rte_eth_stats_reset",
        "rte_eth_tx_queue_setup",
        "rte_extmem_register",
        "rte_extmem_unregister",
        "rte_lcore_id",
        "rte_mempool_avail_count",
        "rte_mempool_in_use_count",
        "rte_pktmbuf_pool_create",
        "rte_pktmbuf_pool_create_extbuf",
        "rte_strerror",
        "rte_thread_register",
        "rte_thread_unregister",
        "rte_version",
        "rte_eth_dev_get_mtu",
        "rte_eth_dev_set_mtu",
        "rte_eth_xstats_reset",
    ];

    const CONSTANTS: [&str; 3] = ["NFOS_RTE_.*", "RTE_ETH_RETA_GROUP_SIZE", "RTE_PKTMBUF_HEADROOM"];

    pub(crate) fn build() {
        println!("cargo::rerun-if-changed=shim");
        let found = pkg_config::Config::new()
            .atleast_version(VERSION)
            .cargo_metadata(false)
            .probe("libdpdk")
            .unwrap_or_else(|error| give_up(&format!("no DPDK {VERSION} or later: {error}")));
        for path in &found.link_paths {
            println!("cargo::rustc-link-search=native={}", path.display());
        }
        for library in LIBRARIES {
            println!("cargo::rustc-link-lib={library}");
        }
        let flags = compiler_flags();
        shim(&found.include_paths, &flags);
        generate(&found.include_paths, &flags);
    }

    fn shim(include_paths: &[PathBuf], flags: &[String]) {
        let mut build = cc::Build::new();
        build.file("shim/shim.c").includes(include_paths).opt_level(3).cargo_warnings(false);
        flags.iter().for_each(|flag| _ = build.flag(flag));
        build.try_compile("nfos_dpdk_shim").unwrap_or_else(|error| give_up(&error.to_string()));
    }

    fn generate(include_paths: &[PathBuf], flags: &[String]) {
        let includes = include_paths.iter().map(|path| format!("-I{}", path.display()));
        let mut builder = bindgen::Builder::default()
            .header("shim/shim.h")
            .clang_arg("-DNFOS_BINDGEN")
            .clang_args(includes)
            .clang_args(flags)
            .derive_debug(false)
            .derive_default(true)
            .default_enum_style(bindgen::EnumVariation::Consts)
            .prepend_enum_name(false)
            .generate_comments(false)
            .merge_extern_blocks(true)
            .wrap_unsafe_ops(true)
            .layout_tests(true);
        for function in FUNCTIONS {
            builder = builder.allowlist_function(function);
        }
        for constant in CONSTANTS {
            builder = builder.allowlist_var(constant);
        }
        let bindings = builder.generate().unwrap_or_else(|error| give_up(&error.to_string()));
        let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo names the directory"));
        // An inner attribute cannot come from an included file.
        let text = bindings.to_string().replace("#![allow", "// #![allow");
        write(&out.join("bindings.rs"), &text);
    }

    fn write(file: &Path, text: &str) {
        fs::write(file, text)
            .unwrap_or_else(|error| give_up(&format!("{}: {error}", file.display())));
    }

    /// The flags that the `pkg-config` crate leaves out: DPDK's headers need its configuration and
    /// at least the instructions that it was built for.
    fn compiler_flags() -> Vec<String> {
        let output = Command::new("pkg-config").args(["--cflags-only-other", "libdpdk"]).output();
        let output = output.unwrap_or_else(|error| give_up(&format!("pkg-config: {error}")));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut flags = text.split_whitespace().map(str::to_owned);
        let mut wanted = Vec::new();
        while let Some(flag) = flags.next() {
            if flag == "-include" {
                wanted.extend([Some(flag), flags.next()].into_iter().flatten());
            } else if flag.starts_with("-march") || flag.starts_with("-mcpu") {
                wanted.push(flag);
            }
        }
        wanted
    }

    fn give_up(what: &str) -> ! {
        let what = what.lines().next().unwrap_or_default();
        println!("cargo::error={what}");
        println!("cargo::error=on Debian and its kin: apt-get install {PACKAGES}");
        println!("cargo::error=or build without the feature `dpdk`");
        std::process::exit(1);
    }
}
