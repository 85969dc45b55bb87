"""The package as users get it: sdist, wheel from it, a clean environment outside the checkout."""

import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, folder: Path) -> str:
    """Return the output of a command run in `folder`, with nothing of ours in its environment."""
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that is built from the sdist, not from the checkout."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, folder=out)
    assert len(list(out.glob("*.tar.gz"))) == 1
    (built,) = out.glob("*.whl")
    return built


def ours(kind: str, suffix: str) -> set[str]:
    return {f"graphad/{kind}/{file.name}" for file in (ROOT / kind).glob(f"*{suffix}")}


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "graphad").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert held == package | ours("parsers", ".py") | ours("queries", ".sql")
    assert ours("queries", ".sql")
    licence = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("/LICENSE")]
    assert len(licence) == 1


def test_it_runs_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=False)
    python = clean / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--quiet")
    run(*pip, "install", "--no-deps", "--no-index", wheel, folder=tmp_path)
    # Dependencies come from this environment, after graphad's own copy there.
    site = Path(run(python, "-c", "import site; print(site.getsitepackages()[0])",
                    folder=tmp_path).strip())  # fmt: skip
    places = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (site / "dependencies.pth").write_text("\n".join(places) + "\n")

    code = (
        "import graphad; from graphad.files import folder\n"
        "print(graphad.__file__)\n"
        "for kind in ('parsers', 'queries'):\n"
        "    for file in folder(kind).iterdir():\n"
        "        if file.is_file(): print(f'graphad/{kind}/{file.name}')"
    )
    where, *found = run(python, "-c", code, folder=tmp_path).splitlines()
    assert Path(where) == site / "graphad" / "__init__.py"
    assert set(found) == ours("parsers", ".py") | ours("queries", ".sql")
    help_text = run(clean / "bin" / "graphad", "--help", folder=tmp_path)
    assert "hunt" in help_text
    version = run(python, "-m", "graphad", "--version", folder=tmp_path)
    assert wheel.name.split("-")[1] in version
