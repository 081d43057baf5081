//! Runs a program to which the kernel refuses `membarrier`, as a sandbox may: `refusing PROGRAM ARGUMENT…`. For `.ci/luck`.

#[cfg(all(target_os = "linux", feature = "std", not(loom)))]
fn main() {
    use std::os::unix::process::CommandExt;
    use support::seccomp::{Whom, refuse};

    let mut arguments = std::env::args_os().skip(1);
    let program = arguments.next().expect("a program");
    refuse(&[libc::SYS_membarrier], libc::ENOSYS, Whom::ThisProcess);
    panic!("{}", std::process::Command::new(program).args(arguments).exec());
}

#[cfg(not(all(target_os = "linux", feature = "std", not(loom))))]
fn main() {}
