"""Words that say what a command does, and places that say what a file is."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Kept wherever they stand in a command line; every other argument is masked.
WORDS = _words(
    """
    accounts action add admin administrator administrators admins advfirewall all allow
    allprofiles alias any apply archive assoc attach auth auto backup bypass call catalog change
    check checkout clean clear clone commit compose compress computers computername config
    connect container controllers copy create current daemon daemon-reload daily decode delete
    demand deny describe detach diff disable disabled domain down dump edit enable enabled enter
    epl exec export extract false fetch file firewall flush force format get global go group
    groups guest help hidden highest hive host import in info init inject inspect install
    interface ip ipconfig kill krbtgt limited link list listen load local localgroup localhost
    log login logon logons logs machine memory merge minidump minute mode module modify mount
    move name netsvcs network new no node none normal noprofile notrust null off on onlogon
    onstart open os out password path pause permanent policy pod pods port portproxy post print
    priv process processes product profile profiles prune public pull push put query quit read
    reboot receive recursive refresh register release reload remote remotesigned remove rename
    replace reset resize restart restore restricted restrict resume revert root route rule rules
    run runas save scan schedule script search secret secrets send service services session
    sessions set setup shadow shadowcopy shadows share shell show shutdown silent site snapshot
    source start startup stat state status stop storage submit sudo switch sync system target
    task tasks tcp test time token trace true trust trusts udp umount uninstall unit unload
    unrestricted up update upgrade upload url use user useradd users v4tov4 verify version view
    volume volumes wait wlan wow write yes zone
    """
)

# Their first argument is data, not a subcommand.
NO_SUBCOMMAND = _words(
    """
    awk base64 basename cat chmod chown cp curl cut dd diff dirname echo file find grep egrep
    fgrep gunzip gzip head host hostname id kill killall less ln ls md5sum mkdir mkfifo more mv
    nano nc ncat nslookup dig passwd ping pkill pgrep ps rm rmdir scp sed sha256sum sleep sort
    ssh ssh-keygen stat su tail tar tee telnet test touch tr type uniq useradd userdel usermod
    vi vim watch wc wget which who whoami xargs xxd zip unzip bash sh dash zsh ksh python perl
    ruby node php powershell pwsh cmd rundll32 regsvr32 mshta cscript wscript certutil bitsadmin
    notepad explorer taskkill
    """
)

# All their plain arguments are names of parts of the system.
ALL_WORDS = frozenset(("svchost", "rundll32", "dllhost", "regsvr32", "netsh", "wmic", "vssadmin"))
# They run the command that follows.
WRAPPERS = frozenset(
    ("sudo", "env", "nohup", "time", "timeout", "nice", "doas", "exec", "xargs", "start", "call")
)
SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "ash", "busybox", "su"))
POWERSHELLS = frozenset(("powershell", "pwsh", "powershell_ise"))
# Their option that takes code.
CODE_OPTIONS = {
    "python": ("-c",),
    "perl": ("-e", "-E", "-ne", "-pe"),
    "ruby": ("-e",),
    "node": ("-e", "-p", "--eval"),
    "php": ("-r",),
    "awk": (),
    "powershell": ("-command",),
    "pwsh": ("-command",),
}
# PowerShell takes any beginning of an option's name; the first that fits is meant.
POWERSHELL_OPTIONS = (
    ("encodedcommand", "-enc"),
    ("ec", "-enc"),
    ("executionpolicy", "-ep"),
    ("ep", "-ep"),
    ("command", "-command"),
    ("file", "-file"),
    ("noprofile", "-nop"),
    ("noninteractive", "-noni"),
    ("nologo", "-nol"),
    ("noexit", "-noe"),
    ("windowstyle", "-w"),
    ("sta", "-sta"),
    ("version", "-version"),
)

# A canonical folder's beginning, and what a path there is called; the first that fits.
# Where the flag is set the files belong to the system, and their names are kept.
PLACES = (
    ("%drive%\\windows\\system32\\", "system32", True),
    ("%drive%\\windows\\syswow64\\", "system32", True),
    ("%drive%\\windows\\temp\\", "temp", False),
    ("%drive%\\windows\\", "windows", True),
    ("%drive%\\program files", "programs", False),
    ("%drive%\\programdata\\", "programdata", False),
    ("%drive%\\users\\public\\", "public", False),
    ("%drive%\\users\\", "home", False),
    ("\\\\", "unc", False),
    ("/etc/", "etc", True),
    ("/dev/shm/", "temp", False),  # noqa: S108 (a name, no file)
    ("/dev/", "dev", True),
    ("/proc/", "proc", True),
    ("/sys/", "sys", False),
    ("/tmp/", "temp", False),  # noqa: S108
    ("/var/tmp/", "temp", False),  # noqa: S108
    ("/var/log/", "log", True),
    ("/home/", "home", False),
    ("/root/", "root", False),
    ("/Users/", "home", False),
    ("/bin/", "bin", True),
    ("/sbin/", "bin", True),
    ("/usr/bin/", "bin", True),
    ("/usr/sbin/", "bin", True),
)

# A word with one of these endings is a file's name, not a host's.
EXTENSIONS = _words(
    """
    7z asp aspx bak bat bin bz2 c cab cfg chm class cmd conf cpl cpp crt csv dat db deb dll dmp
    doc docm docx elf evtx exe gif go gpg gz h hta htm html inf ini iso jar java jpg js json jsp
    key kirbi lnk log lua md msc msi msp ocx odt pdb pdf pem pfx php pl png ppt pptx ps1 psd1
    psm1 py pyc rar rb reg rpm rs rtf sct scr service sh so sql sqlite sys tar tgz timer tmp
    toml ts txt vbe vbs wasm war wsf xls xlsm xlsx xml xsl xz yaml yml zip zst
    """
)
TOP_FOLDERS = _words(
    "bin boot dev etc home lib lib64 mnt opt proc root run sbin srv sys tmp usr var"
)
