//! The calls of the system that the crate makes.

/// Names each call once, for errors and for tests.
macro_rules! calls {
    ($($(#[$only:meta])* $call:ident $name:literal,)*) => {
        /// A call of the system.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Call { $($(#[$only])* $call,)* }

        impl Call {
            /// Every call, by its name in the system's manual.
            #[cfg(refused_calls)]
            pub(in crate::system) const ALL: &[(Self, &'static str)] = &[$($(#[$only])* (Self::$call, $name),)*];

            pub(super) const fn name(self) -> &'static str {
                match self { $($(#[$only])* Self::$call => $name,)* }
            }
        }
    };
}

calls! {
    Accept "accept4",
    AtFork "pthread_atfork",
    Bind "bind",
    Connect "connect",
    Directory "getdents64",
    Duplicate "fcntl(F_DUPFD_CLOEXEC)",
    EpollCreate "epoll_create1",
    EpollCtl "epoll_ctl",
    EpollWait "epoll_wait",
    Eventfd "eventfd2",
    Flags "fcntl",
    Futex "futex",
    GetAffinity "sched_getaffinity",
    GetOption "getsockopt",
    IoasAllocate "ioctl(IOMMU_IOAS_ALLOC)",
    IoasDestroy "ioctl(IOMMU_DESTROY)",
    IoasMap "ioctl(IOMMU_IOAS_MAP)",
    IoasUnmap "ioctl(IOMMU_IOAS_UNMAP)",
    Ioctl "ioctl",
    IommufdAttach "ioctl(VFIO_DEVICE_ATTACH_IOMMUFD_PT)",
    IommufdBind "ioctl(VFIO_DEVICE_BIND_IOMMUFD)",
    IommufdDetach "ioctl(VFIO_DEVICE_DETACH_IOMMUFD_PT)",
    Listen "listen",
    Lock "flock",
    Map "mmap",
    Membarrier "membarrier",
    Open "openat",
    Poll "poll",
    Priority "sched_setscheduler",
    Read "read",
    ReadAt "pread64",
    ReadLink "readlink",
    ReadNow "preadv2",
    Receive "recvfrom",
    RobustList "get_robust_list",
    Send "sendto",
    SetAffinity "sched_setaffinity",
    SetMode "fchmod",
    Signal "kill",
    SignalMask "rt_sigprocmask",
    Socket "socket",
    Stat "stat",
    Thread "clone3",
    TimerCreate "timerfd_create",
    TimerSet "timerfd_settime",
    Unlink "unlink",
    #[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
    UringEnter "io_uring_enter",
    #[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
    UringRegister "io_uring_register",
    #[cfg(all(feature = "io-uring", target_pointer_width = "64"))]
    UringSetup "io_uring_setup",
    Write "write",
    WriteAt "pwrite64",
    WriteVector "writev",
}
