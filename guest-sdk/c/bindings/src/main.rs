//! Writes the bindings of the C SDK anew.

use nfos_c_bindings::{folder, generate};

fn main() -> anyhow::Result<()> {
    for file in generate()? {
        let path = folder().join(&file.name);
        std::fs::write(&path, &file.text)?;
        println!("{}: {} bytes", file.name, file.text.len());
    }
    Ok(())
}
