"""Kinds of benign work, each a handful of steps that a session does in a drawn order.

Several do what attacks do, too: fetch a program and run it, encrypt, look around, add a job.
"""

import io
import random
import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.scenarios.world import WORDS, Internet, rows


@dataclass(frozen=True)
class Step:
    """What a shell is given, and what visitors ask of the site meanwhile."""

    script: str
    visits: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """What a step can draw on: chance, the servers, and their ports."""

    rng: random.Random
    net: Internet
    web: int
    control: int

    def word(self) -> str:
        """Return a word."""
        return self.rng.choice(WORDS)

    def name(self) -> str:
        """Return a name that a file may have."""
        return f"{self.rng.choice(WORDS)}-{self.rng.randint(1, 99)}"

    def offer(self, content: bytes) -> str:
        """Return where the web server has a file."""
        path = f"/{self.name()}"
        self.net.pages[path] = content
        return f"http://127.0.0.1:{self.web}{path}"


Maker = Callable[[Place], Step]


@dataclass(frozen=True)
class Kind:
    """One kind of work or of attack: the tools that it takes, and its steps.

    proof: of an attack, what is among the evidence if it went well.
    """

    tools: str
    steps: tuple[Maker, ...]
    proof: bytes = b""


def script(text: str | Callable[[Place], str]) -> Maker:
    """Return a step that only has a script.

    In a text, %name% is one name drawn for the step; each %word% and %number% is drawn anew; %web%
    is the web server's port.
    """
    if callable(text):
        return lambda place: Step(text(place))

    def step(p: Place) -> Step:
        name = p.name()

        def drawn(found: re.Match[str]) -> str:
            if found[1] == "word":
                return p.word()
            return {"name": name, "web": str(p.web)}.get(found[1]) or str(p.rng.randint(1, 99))

        return Step(re.sub("%(name|word|number|web)%", drawn, text))

    return step


def python(code: str) -> Maker:
    """Return a step that writes a program and runs it."""
    return script(
        "cat >bin/%name%.py <<'END'\nimport csv, glob, os, shutil, sqlite3\n"
        f"{code}\nEND\npython3 -IS bin/%name%.py"
    )


def database(*statements: str) -> Maker:
    """Return a step that changes the shop's database."""
    lines = "".join(f'db.execute("{one}")\n' for one in (_TABLE, *statements))
    return python(f"db = sqlite3.connect('data/shop.db')\n{lines}db.commit()")


_TABLE = "create table if not exists sale (item, price)"
_COMPILE = """cat >src/%name%.c <<'END'
#include <stdio.h>
#include <%header%.h>
int f(int x) { return x * %number%; }
int main(void) { printf("%d %d\\n", f(%number%), %number%); return 0; }
END
gcc -o bin/%name% src/%name%.c
bin/%name%"""
_MODULE = """mkdir -p src/%name%
echo 'x = %number%' >src/%name%/__init__.py
echo 'def f(y): return y + %number%' >src/%name%/part.py
python3 -I -m compileall -q src/%name%"""
_COMMIT = """cd src; [ -d .git ] || git init -q .; cp ../docs/*.txt .; echo %word% >>%name%.txt
git add .; git commit -q -m '%word% %word%'; cd .."""
_CRYPT = """tar cf tmp/%name%.tar docs
openssl enc -aes-128-cbc -pbkdf2 -k %word% -in tmp/%name%.tar -out backup/%name%.enc
rm tmp/%name%.tar"""
_MAIL = """printf 'Subject: %word%\\n\\n' >spool/new/%name%
base64 docs/$(ls docs | head -n 1) >>spool/new/%name%
mv spool/new/%name% spool/cur/%name%"""
_KEYS = """ssh-keygen -q -t ed25519 -N '' -f home/.ssh/%name%
cat home/.ssh/%name%.pub >>home/.ssh/authorized_keys"""


def _compile(p: Place) -> Step:
    text = _COMPILE.replace("%header%", p.rng.choice(["stdlib", "string", "math", "time", "ctype"]))
    return script(text)(p)


def _package(p: Place) -> bytes:
    """Return a package with a few files and a script that installs them."""
    raw = io.BytesIO()
    name = p.word()
    files = {f"{p.name()}.txt": rows(p.rng, 20) for _ in range(p.rng.randint(1, 6))}
    files["install.sh"] = f"mkdir -p bin/{name}\ncp tmp/unpacked/*.txt bin/{name}\nls bin/{name}\n"
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for file, text in files.items():
            info = tarfile.TarInfo(f"unpacked/{file}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return raw.getvalue()


def _install(p: Place) -> str:
    name = p.name()
    return (
        f"curl -s -o tmp/{name} {p.offer(_package(p))}\nsha256sum tmp/{name}\n"
        f"tar xzf tmp/{name} -C tmp\nsh tmp/unpacked/install.sh\nrm -r tmp/unpacked tmp/{name}"
    )


def _tool(p: Place) -> str:
    """Fetch a tool and use it: what an attack does as well."""
    code = "print(sum(len(open(f).readlines()) for f in glob.glob('data/*')))"
    text = f"#!/usr/bin/env -S python3 -IS\nimport glob\n{code}\n# {p.word()}\n"
    name = p.name()
    return f"curl -s -o bin/{name} {p.offer(text.encode())}\nchmod 755 bin/{name}\nbin/{name}"


def _download(p: Place) -> str:
    return f"curl -s {p.offer(rows(p.rng, 50).encode())} >tmp/{p.name()}; ls tmp"


def visited(p: Place, more: tuple[str, ...] = ()) -> Step:
    """Run the site while visitors ask for pages, counts, and more."""
    asked = [f"/{p.word()}.html" for _ in range(p.rng.randint(1, 6))]
    asked += [f"/count?word={p.word()}" for _ in range(p.rng.randint(1, 3))]
    p.rng.shuffle(asked)
    at = p.rng.randint(0, len(asked))
    asked[at:at] = more
    return Step(f"python3 -IS bin/app.py {len(asked)}\nrm run/port", asked)


def _insert(p: Place) -> Step:
    values = ", ".join(f"({p.rng.randint(1, 99)}, {n})" for n in range(p.rng.randint(3, 40)))
    return database(f"insert into sale values {values}")(p)


def _push(p: Place) -> Step:
    what = p.rng.choice(["data", "docs", "log", "etc"])
    return script(
        f"tar czf backup/%name%.tgz {what}\n"
        "curl -s --data-binary @backup/%name%.tgz http://127.0.0.1:%web%/%name%"
    )(p)


WORK: dict[str, Kind] = {
    "compile": Kind("gcc as ld python3", (
        _compile, script(_MODULE), script("grep -c include src/*.c; ls -l bin; wc -l src/*"),
    )),
    "git": Kind("git curl", (
        script(_COMMIT), script(_COMMIT),
        script("git -C src log --oneline | head -n 5; git -C src status --short"),
        script("git -C src branch %name%; git -C src diff HEAD~1 | wc -l"),
        script("git clone -q src tmp/%name%"), script(_download),
    )),
    "backup": Kind("tar gzip curl openssl", (
        _push, script(_CRYPT), script("cp -a docs backup/%name%"),
        script("sha256sum docs/* data/* >backup/sums; sha256sum -c backup/sums | wc -l"),
        script("mkdir tmp/%name%; tar cf - log | tar xf - -C tmp/%name%; ls tmp/%name%"),
    )),
    "web": Kind("python3", (
        visited, visited,
        script("tail -n 5 log/access.log; cut -d/ -f2 log/access.log | sort | uniq -c"),
        script("echo '<p>%word%</p>' >site/%name%.html; ls site"),
    )),
    "logs": Kind("gzip awk python3", (
        script("for f in log/*.log; do cp $f $f.1; gzip -f $f.1; : >$f; done"),
        script("for n in 1 2 3 4 5; do echo 'host %word%: '$n >>log/%name%.log; done"),
        script("awk '{s += $3} END {print s}' log/*.log; grep -h %word% log/*.log | wc -l"),
        script("find log -name '*.gz' -exec gzip -t {} ';'; find log -size 0 -type f"),
        script("zcat -f log/* | cut -d' ' -f2 | sort | uniq -c | sort -rn | head -n 3"),
        python("for f in glob.glob('log/*.log'): print(f, len(open(f).read()))"),
    )),
    "text": Kind("awk sed python3", (
        script("cut -d, -f2 data/*.csv | sort | uniq -c | sort -rn >tmp/%name%"),
        script("for f in docs/*.txt; do sed 's/%word%/%word%/g' $f >tmp/x; mv tmp/x $f; done"),
        script("tr ' ' '\\n' <docs/$(ls docs | tail -n 1) | sort -u | head -n %number% | wc -l"),
        script("awk -F, '$3 > %number%' data/*.csv >data/%name%.csv"),
        script("grep -l %word% docs/* | xargs -r wc -w; paste data/*.csv | head -n 3"),
        python("for f in glob.glob('data/*'): print(f, len(list(csv.reader(open(f)))))"),
    )),
    "database": Kind("python3", (
        _insert, _insert, database("delete from sale where item = %number%"),
        database("create index if not exists %word% on sale (item)"),
        script("[ -e data/shop.db ] && cp data/shop.db backup/%name%.db; ls -l data"),
    )),
    "packages": Kind("tar gzip curl python3", (
        script(_install), script(_tool), script(_download),
        script("find bin -type f | sort | xargs sha256sum >tmp/sums; wc -l tmp/sums"),
    )),
    "mail": Kind("base64 curl", (
        script(_MAIL), script(_MAIL),
        script("for m in spool/cur/*; do sed 1,2d $m | base64 -d >tmp/x; wc -c tmp/x; done"),
        script("grep -l 'Subject: %word%' spool/cur/* | xargs -r rm; ls spool/cur"),
        script("for m in spool/cur/*; do curl -s -T $m http://127.0.0.1:%web%/mail/; done"),
    )),
    "admin": Kind("openssl ssh-keygen curl python3", (
        script("id; uname -a; df . | tail -n 1; ls -la home; cat etc/users | head -n 3"),
        script("curl -s http://127.0.0.1:%web%/health; curl -s -I http://127.0.0.1:%web%/%word%"),
        python("print(os.cpu_count(), shutil.disk_usage('.').total > %number%)"),
        script("echo '%number% 4 * * * %word%' >>cron.d/daily; cat cron.d/daily"),
        script("ls /proc | grep -c '^[0-9]'; cat /proc/loadavg; head -n 2 /etc/passwd"),
        script("echo 'alias %word%=ls' >>home/.profile; sh -l -c 'echo $PATH'"),
        script(_KEYS), script(_CRYPT),
    )),
}  # fmt: skip
