"""Which function knows each system call, by its name."""

from graphad.decoders import strace_calls as c
from graphad.decoders import strace_peers as p

_FAMILIES: dict[str, c.Handler] = {
    "open openat openat2 creat": c.on_open,
    "unlink unlinkat rmdir": c.on_path("delete"),
    "mkdir mkdirat mknod mknodat": c.on_path("create"),
    "chmod fchmodat fchmodat2 chown lchown fchownat utime utimes utimensat futimesat setxattr "
    "lsetxattr removexattr lremovexattr": c.on_path("chmod"),
    "truncate": c.on_path("write"),
    "fchmod fchown fsetxattr fremovexattr": c.on_descriptor("chmod"),
    "ftruncate fallocate": c.on_descriptor("write"),
    "rename renameat renameat2": c.on_rename,
    "link linkat symlink symlinkat": c.on_link,
    "mmap mmap2": c.on_mmap,
    "sendfile sendfile64 splice tee copy_file_range": c.on_copy,
    "dup dup2 dup3 fcntl fcntl64": c.on_dup,
    "close close_range": c.on_close,
    "socket memfd_create epoll_create epoll_create1 eventfd eventfd2 timerfd_create signalfd "
    "signalfd4 inotify_init inotify_init1 pidfd_open userfaultfd io_uring_setup "
    "perf_event_open": c.on_new,
    "pipe pipe2 socketpair": c.on_pair,
    "chdir fchdir getcwd": c.on_folder,
    "connect": p.on_connect,
    "accept accept4": p.on_accept,
    "bind": p.on_bind,
    "sendto sendmsg sendmmsg": p.on_send,
    "recvfrom recvmsg recvmmsg": p.on_receive,
    "kill tkill tgkill": p.to_process("signal"),
    "ptrace process_vm_writev": p.to_process("inject"),
    "process_vm_readv": p.to_process("access"),
    "execve execveat": p.on_exec,
}
HANDLERS: dict[bytes, c.Handler] = {
    name.encode(): handler for names, handler in _FAMILIES.items() for name in names.split()
}
FORKS = frozenset({b"fork", b"vfork", b"clone", b"clone2", b"clone3"})
READS = frozenset(
    {b"read", b"readv", b"pread", b"pread64", b"preadv", b"preadv2", b"getdents", b"getdents64"}
)
WRITES = frozenset({b"write", b"writev", b"pwrite", b"pwrite64", b"pwritev", b"pwritev2"})
