"""The system calls that a sandbox does not offer, by what happens to those who make them.

Numbers are those of the kernel's tables (`unistd_64.h`; `asm-generic/unistd.h` for aarch64), None where there is no
such call. What is not named is allowed, up to `NEWEST`; what is newer does not exist inside, until someone has thought
about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

Numbers: TypeAlias = tuple[int | None, int | None]
"""On x86_64 and on aarch64."""

MACHINES: Final = ("x86_64", "aarch64")
ARCHITECTURES: Final[Mapping[str, int]] = MappingProxyType({"x86_64": 0xC000003E, "aarch64": 0xC00000B7})
NEWEST: Final = 466  # removexattrat
X32_BIT: Final = 0x40000000

# For no honest task's use, and what attacks on kernels are made of: the process is killed by SIGSYS.
DEADLY: Final[Mapping[str, Numbers]] = MappingProxyType({
    "_sysctl": (156, None),
    "acct": (163, 89),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "init_module": (175, 105),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "open_by_handle_at": (304, 265),
    "pivot_root": (155, 41),
    "query_module": (178, None),
    "reboot": (169, 142),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "uselib": (134, None),
})

# Programs try these and go on without: EPERM.
FORBIDDEN: Final[Mapping[str, Numbers]] = MappingProxyType({
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "fanotify_init": (300, 262),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "kcmp": (312, 272),
    "keyctl": (250, 219),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "request_key": (249, 218),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vhangup": (153, 58),
})

# Programs have another way where the kernel is too old for these: ENOSYS. clone3's flags are behind a pointer, out of a
# filter's sight; libraries then use clone.
ABSENT: Final[Mapping[str, Numbers]] = MappingProxyType({
    "clone3": (435, 435),
    "get_kernel_syms": (177, None),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "memfd_secret": (447, 447),
    "sysfs": (139, None),
    "ustat": (136, None),
    "vserver": (236, None),
})

# Allowed with some arguments only.
EXAMINED: Final[Mapping[str, Numbers]] = MappingProxyType({
    "clone": (56, 220),
    "ioctl": (16, 29),
    "personality": (135, 92),
    "socket": (41, 198),
    "socketpair": (53, 199),
})
