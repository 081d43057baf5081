//! Makes the kernel refuse system calls, as a sandbox does.

use std::vec::Vec;

/// The threads whose calls are refused, together with the threads that they start.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each test uses its own")]
pub enum Whom {
    ThisThread,
    /// All threads of the process.
    ThisProcess,
}

/// Makes each of `calls` fail with `errno` from now on.
#[track_caller]
pub fn refuse(calls: &[libc::c_long], errno: libc::c_int, whom: Whom) {
    let statement = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    // The number of the system call is the first word of what the filter sees.
    let mut filter = Vec::from([statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)]);
    for call in calls {
        filter.push(statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, *call as u32));
        filter.push(statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32));
    }
    filter.push(statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    let flags = if whom == Whom::ThisProcess { libc::SECCOMP_FILTER_FLAG_TSYNC } else { 0 };
    // SAFETY: the program is a valid one, and the kernel copies it.
    let installed = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) == 0
    };
    assert!(installed, "{}", std::io::Error::last_os_error());
}
