//! Finds libqaqvk by its pkg-config file, which `make lib` writes to bin.
fn main() {
    let library = pkg_config::Config::new()
        .probe("qaqvk")
        .unwrap_or_else(|e| panic!("{e}\nqaqvk.pc is made by `make lib`: PKG_CONFIG_PATH=.../bin"));
    for folder in library.link_paths {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}
