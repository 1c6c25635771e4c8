"""Sessions of archlab's checks: `nox` runs style, contracts, types, the site, and then the tests.

`nox -l` lists all. Sessions that need torch share one environment, `.nox/torch`: torch is 5 GB and
takes a minute.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import secrets
import shutil
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nox
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

nox.options.sessions = ["checks", "tests"]
nox.options.reuse_existing_virtualenvs = True

PARALLEL = ("-n", "2", "--dist", "worksteal")
STYLE = (("ruff", "check", "."), ("ruff", "format", "--check", "."))
CONTRACTS = ("lint-imports",)
TYPES = ("mypy",)
SITE = ("python", "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html", "docs",
        "docs/_build/html")  # fmt: skip
TORCH = Path(".nox") / "torch"
PACKAGED = (
    "doctor",
    "params googlenet",
    "render resnet18 --out x.svg",
    "report resnet20 -o x.html",
)
BIN = TORCH.absolute() / ("Scripts" if sys.platform == "win32" else "bin")
SBOM = Path("sbom.cdx.json")
# A release with published weaknesses: a service that names none of them has not been reached.
WEAK = "jinja2==2.11.2"


def make_environment(session: nox.Session) -> None:
    """Make the shared environment; bring it up to date where folder or pyproject.toml changed."""
    project = f"# {Path.cwd()}\n{Path('pyproject.toml').read_text()}"
    installed = TORCH / "installed.toml"
    if installed.exists() and installed.read_text() == project:
        return
    if not (BIN / "python").exists():
        session.run_install(sys.executable, "-m", "venv", str(TORCH), external=True)
    install = ("-m", "pip", "install", "--quiet", "--editable", ".[dev,docs,timm]")
    # None where nox was told not to install.
    if session.run_install(str(BIN / "python"), *install, external=True):
        installed.write_text(project)


def run_with_torch(session: nox.Session, *command: str, **variables: str) -> None:
    """Run a command of the shared environment, made and brought up to date first."""
    make_environment(session)
    # One thread a process: two test workers with two threads each get in each other's way. And
    # compiled files are kept, where a container forbids it: dozens of tests start archlab anew.
    env = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": None, **variables}
    session.run(str(BIN / command[0]), *command[1:], env=env, external=True)


@nox.session(python=False)
def checks(session: nox.Session) -> None:
    """Style, contracts, types and the site, which `tests` reads: two at a time, a core each."""
    make_environment(session)
    with ThreadPoolExecutor(2) as pool:
        commands = (*STYLE, CONTRACTS, TYPES, SITE)
        running = [pool.submit(run_with_torch, session, *command) for command in commands]
        for command in running:
            command.result()


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting of every file."""
    session.install("ruff>=0.9")
    for command in STYLE:
        session.run(*command)


@nox.session
def contracts(session: nox.Session) -> None:
    """Imports point one way (import-linter reads the source, torch is not needed)."""
    session.install("import-linter>=2.1")
    session.run(*CONTRACTS, env={"PYTHONPATH": "."})


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """Strict types of the package."""
    run_with_torch(session, *TYPES)


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Tests and doctests, slow ones included; `nox -s tests -- -k params` passes arguments on."""
    run_with_torch(session, "pytest", *PARALLEL, *session.posargs)


@nox.session(python=False)
def fuzz(session: nox.Session) -> None:
    """5,000 random nets against real forward and backward passes; `-- --hypothesis-seed=N`."""
    command = ("pytest", *PARALLEL, "tests/properties", *session.posargs)
    run_with_torch(session, *command, ARCHLAB_FUZZ="5000")


@nox.session(python=False)
def chaos(session: nox.Session) -> None:
    """200 kills each of scans, sweeps and trainings, drawn anew; ARCHLAB_KILLS_SEED=N says how."""
    seed = os.environ.get("ARCHLAB_KILLS_SEED") or str(secrets.randbelow(10**6))
    command = ("pytest", "-s", "tests/cli/test_kills.py", *session.posargs)
    run_with_torch(session, *command, ARCHLAB_KILLS="200", ARCHLAB_KILLS_SEED=seed)


@nox.session(python=False)
def coverage(session: nox.Session) -> None:
    """Branch coverage of the fast tests; fails below 95 %."""
    fast = (*PARALLEL, "-m", "not slow")
    run_with_torch(session, "pytest", *fast, "--cov", "--cov-report=term:skip-covered")
    run_with_torch(session, "coverage", "report", "--skip-covered", "--fail-under=95")


@nox.session(python=False)
def golden(session: nox.Session) -> None:
    """Accept new golden tables, drawings and outputs in the docs; look before you commit."""
    env = {"ARCHLAB_ACCEPT": "1", "OMP_NUM_THREADS": "1"}
    folders = ("tests/view/test_table.py", "tests/picture/test_golden.py", "tests/docs")
    command = ("-m", "pytest", "-q", *folders)
    session.run(str(BIN / "python"), *command, env=env, external=True)


@nox.session(python=False)
def docs(session: nox.Session) -> None:
    """The site in docs/_build/html, strict: a dead link, picture or reference is an error."""
    run_with_torch(session, *SITE)
    run_with_torch(session, "pytest", "-q", "tests/docs/test_links.py", "tests/docs/test_site.py")


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Costs as ratios: a bare forward, importing torch, other counters, training, the engine."""
    run_with_torch(session, "python", "tests/benchmarks/bench.py")
    run_with_torch(session, "python", "tests/benchmarks/training.py")
    run_with_torch(session, "python", "tests/benchmarks/engine.py")


@nox.session(python=False)
def gpu(session: nox.Session) -> None:
    """What training does and costs on a GPU, in nine minutes: `nox -s gpu -- --data FOLDER`."""
    # A machine with a GPU often has a torch of its own, made for its driver: where nox runs beside
    # one, that is measured, with archlab from this folder.
    if importlib.util.find_spec("torch"):
        session.run(sys.executable, "tests/gpu/measure.py", *session.posargs, external=True)
    else:
        run_with_torch(session, "python", "tests/gpu/measure.py", *session.posargs)


@nox.session(python=False)
def rivals(session: nox.Session) -> None:
    """Errors of other counters, and receptive fields of TorchLens, beside archlab's."""
    run_with_torch(session, "python", "tests/benchmarks/rivals.py")


@nox.session
def minimums(session: nox.Session) -> None:
    """The fast tests on the oldest versions that pyproject admits."""
    # uv alone can resolve to the oldest; what the oldest warn of in newer ones is no news.
    session.install("uv")
    oldest = ("--resolution", "lowest-direct", "--python", f"{session.virtualenv.bin}/python")
    session.run_install("uv", "pip", "install", *oldest, "--editable", ".[dev,timm]")
    env = {"OMP_NUM_THREADS": "1"}
    session.run("pytest", "-m", "not slow", "-W", "default", *session.posargs, env=env)


@nox.session(python=["3.11", "3.12", "3.13"])
def pythons(session: nox.Session) -> None:
    """The fast tests on each Python, with today's versions of everything."""
    session.install("--editable", ".[dev,timm]")
    env = {"OMP_NUM_THREADS": "1"}
    session.run("pytest", "-m", "not slow", *session.posargs, env=env)


@nox.session
def build(session: nox.Session) -> None:
    """Wheel and sdist, each installed in an empty environment, with the README's main command.

    The sdist has the SBOM: a CycloneDX list of all that was installed with the wheel.
    """
    session.install("build", "cyclonedx-bom>=7")
    out = Path(session.create_tmp()) / "dist"
    shutil.rmtree(out, ignore_errors=True)
    session.run("python", "-m", "build", "--wheel", "--outdir", str(out))
    (wheel,) = out.glob("*.whl")
    assert "archlab/py.typed" in zipfile.ZipFile(wheel).namelist()
    from_wheel = install_and_try(session, wheel)
    write_sbom(session, from_wheel, wheel.name.split("-")[1])
    shutil.rmtree(from_wheel)  # 5 GB
    session.run("python", "-m", "build", "--sdist", "--outdir", str(out))
    (sdist,) = out.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        (packed,) = (name for name in archive.getnames() if name.endswith(f"/{SBOM}"))
        assert archive.extractfile(packed).read() == SBOM.read_bytes()
    shutil.rmtree(install_and_try(session, sdist))


def install_and_try(session: nox.Session, package: Path) -> Path:
    """Install a package into an environment without pip, run its commands, return the folder."""
    empty = (Path(session.create_tmp()) / "empty").absolute()
    session.run("python", "-m", "venv", "--clear", "--without-pip", str(empty))
    pip = ("python", "-m", "pip", "--python", str(empty))
    session.run_install(*pip, "install", "--quiet", str(package.absolute()))
    with session.chdir(empty):  # away from the source
        for line in PACKAGED:
            session.run(str(empty / BIN.name / "archlab"), *line.split(), external=True)
    return empty


def write_sbom(session: nox.Session, environment: Path, version: str) -> None:
    """List what archlab has brought into an environment, and take archlab itself out of it."""
    # An installed archlab would be listed as a dependency of itself, with the path of its wheel.
    session.run("python", "-m", "pip", "--python", str(environment), "uninstall", "-qy", "archlab")
    session.run(
        "cyclonedx-py", "environment", "--pyproject", "pyproject.toml", "--mc-type", "library",
        "--spec-version", "1.6", "--output-reproducible", "--output-file", str(SBOM),
        str(environment / BIN.name / "python"),
    )  # fmt: skip
    bom = json.loads(SBOM.read_text())
    bom["metadata"]["component"]["version"] = version  # which pyproject.toml leaves to a file
    SBOM.write_text(json.dumps(bom, indent=2) + "\n")
    if faults := faults_of_sbom(version):
        session.error("; ".join(faults))


def faults_of_sbom(version: str) -> list[str]:
    """Return what is wrong with the SBOM of a version, as pyproject.toml now stands."""
    if not SBOM.is_file():
        return [f"there is no {SBOM}"]
    text = SBOM.read_text()
    bom = json.loads(text)
    faults = [f"{SBOM} holds {each}" for each in ("file:", str(Path.cwd()), f"{Path.home()}/")
              if each in text]  # fmt: skip
    if (bom["bomFormat"], bom["specVersion"]) != ("CycloneDX", "1.6"):
        faults.append(f"{SBOM} is no CycloneDX 1.6")
    if (listed := bom["metadata"]["component"].get("version")) != version:
        faults.append(f"{SBOM} is of archlab {listed}, not of {version}")
    versions = {canonicalize_name(each["name"]): each["version"] for each in bom["components"]}
    for line in nox.project.load_toml("pyproject.toml")["project"]["dependencies"]:
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate():
            found = versions.get(canonicalize_name(needed.name), "none")
            if found == "none" or not needed.specifier.contains(found, prereleases=True):
                faults.append(f"{SBOM} lists {found} of {needed}")
    return faults


@nox.session
def audit(session: nox.Session) -> None:
    """Advisories on what is installed, bandit's rules, the SBOM of `build`; unasked is no pass.

    What follows `--` goes to pip-audit: `nox -s audit -- --ignore-vuln ID`.
    """
    make_environment(session)
    session.install("pip-audit>=2.9", "ruff>=0.9")
    session.run("ruff", "check", "--select", "S", "archlab")
    (version,) = re.findall(r'__version__ = "(.+)"', Path("archlab/version.py").read_text())
    stale = faults_of_sbom(version)
    for fault in stale:
        session.warn(fault)
    listing = (str(BIN / "python"), "-m", "pip", "list", "--exclude-editable", "--format=freeze")
    listed = session.run(*listing, external=True, silent=True)
    lines = re.findall(r"^[\w.-]+==[^\s+]+", listed, re.MULTILINE)
    weak, installed = (Path(session.create_tmp()) / f"{name}.txt" for name in ("weak", "installed"))
    weak.write_text(WEAK)
    installed.write_text("\n".join(lines))
    # Without --strict, a release that the service does not know would pass for one without faults.
    command = ("pip-audit", "--strict", "--no-deps", "--disable-pip", "--progress-spinner", "off")
    command += (*session.posargs, "--requirement")
    said = session.run(*command, str(weak), silent=True, success_codes=(0, 1))
    if not re.search(r"^Found \d+ known", said, re.MULTILINE):
        why = said.strip().rpartition("\n")[2]
        session.error(f"not audited: the advisory service cannot be reached ({why})")
    session.run(*command, str(installed))
    if stale:
        session.error(f"{SBOM} is not current: nox -s build")
