//! The binary: everything it does is in the library.

fn main() -> std::process::ExitCode {
    surgesim::cli::main(std::env::args_os()).into()
}
