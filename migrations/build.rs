//! Compiles the crate again when a migration is added: the SQL files are embedded.

fn main() {
    println!("cargo:rerun-if-changed=.");
}
