"""A cloud of stand-in programs, and the commands of tools/ run against it as `make` runs them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.factories.cloud_programs import Programs
from tests.factories.program_server import ProgramServer

ROOT = Path(__file__).parents[2]
PROJECT = "shop-staging"
FRESH: dict[str, Any] = {
    "projects": {PROJECT: {"state": "ACTIVE", "billing": True}},
    "accounts": [{"account": "owner@example.com", "status": "ACTIVE"}],
    "services": [],
    "buckets": {},
    "secrets": {},
    "key_rings": [],
    "functions": {},
    "protected": True,
    "day": 0,
    "state": {"addresses": [], "outputs": {}},
}


LINKED = ("docs", "functions", "local", "main.py", "pyproject.toml", "requirements", "shared", "tools")


PROVIDERS = ("SQUARE_", "LIGHTSPEED_")


class CloudFolder:
    """`deploy("plan")`, `run("tools.secrets", "rotate")`, with a repository of its own; `cloud` is what there is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tree = folder / "tree"
        self.unready: set[str] = set()
        self._lay_tree()
        self._programs = Programs(folder)
        self._program_server = ProgramServer(self._programs.answer)
        self._lay_programs()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._answering())
        # Otherwise a test waits half a second for its end.
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.ready_url = f"http://127.0.0.1:{self._server.server_port}/health/ready"
        self.cloud = {**json.loads(json.dumps(FRESH)), "ready_url": self.ready_url}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._program_server.close()

    @property
    def cloud(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "cloud.json").read_text())
        return found

    @cloud.setter
    def cloud(self, value: dict[str, Any]) -> None:
        (self.folder / "cloud.json").write_text(json.dumps(value))

    @property
    def calls(self) -> list[dict[str, Any]]:
        log = self.folder / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def forget_calls(self) -> None:
        (self.folder / "calls.jsonl").unlink(missing_ok=True)

    @property
    def live(self) -> str:
        outputs = self.cloud["state"]["outputs"]
        return str(outputs["archive"]["value"]) if outputs else ""

    def archive(self, text: str, **secrets: list[str]) -> str:
        """An archive in dist/, as `make package` leaves it, with functions that read these secrets. Its hash.

        Secrets of providers are optional.
        """
        content = text.encode()
        archive = hashlib.sha256(content).hexdigest()
        dist = self.tree / "dist"
        dist.mkdir(exist_ok=True)
        (dist / f"{archive}.zip").write_bytes(content)
        functions = secrets or {
            "verification-verify": ["JWT_SECRET", "VERIFICATION_KEY"],
            "verification-jwks": ["AGE_TOKEN_KEY"],
        }
        declared = {
            name.replace("_", "-"): {
                "name": name,
                "secrets": [s for s in names if not s.startswith(PROVIDERS)],
                "optionalSecrets": [s for s in names if s.startswith(PROVIDERS)],
            }
            for name, names in functions.items()
        }
        (dist / f"{archive}.json").write_text(json.dumps(declared))
        return archive

    def copy_sources(self) -> None:
        """Files in place of the links: what packages them takes no links."""
        for name in LINKED:
            (self.tree / name).unlink()
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
            copy(ROOT / name, self.tree / name)

    def use(self, *integrations: str) -> None:
        """Name the providers that staging uses."""
        file = self.tree / "infra" / "environments" / "staging.tfvars"
        named = ", ".join(f'"{name}"' for name in integrations)
        text = file.read_text().replace("= []", f"= [{named}]")
        assert named in text
        file.write_text(text)

    def deploy(
        self, command: str, fails_at: int = 0, kills_at: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return self.run("tools.deploy", command, fails_at=fails_at, kills_at=kills_at, **variables)

    def run(
        self, module: str, *arguments: str, fails_at: int = 0, kills_at: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """As `make` would, which passes what was not given as empty.

        `fails_at` and `kills_at` are numbers of calls of the programs, see `Programs`.
        """
        self._programs.fails_at, self._programs.kills_at = fails_at, kills_at
        given = {
            "PROJECT": PROJECT,
            "REGION": "us-central1",
            "ENVIRONMENT": "",
            "SMOKE_SECONDS": "1",
            "ROTATE_SECONDS": "0.01",
            **variables,
        }
        environment = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            **given,
        }
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.tree,
            env=environment,
            capture_output=True,
            text=True,
            input=variables.get("TYPED", ""),
            check=False,
        )

    def _lay_tree(self) -> None:
        self.tree.mkdir()
        for name in LINKED:
            (self.tree / name).symlink_to(ROOT / name)
        ignored = shutil.ignore_patterns("backend.tf", ".terraform*")
        shutil.copytree(ROOT / "infra", self.tree / "infra", ignore=ignored)

    def _lay_programs(self) -> None:
        programs = self.folder / "bin"
        programs.mkdir()
        for name in ("gcloud", "terraform"):
            (programs / name).write_text(self._program_server.stub)
            (programs / name).chmod(0o755)

    def _answering(self) -> type[BaseHTTPRequestHandler]:
        cloud = self

        class Ready(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                down = cloud.live in cloud.unready
                answer = {"status": "unavailable" if down else "ready", "version": cloud.live[:12]}
                body = json.dumps({**answer, "firestore": {"status": "down" if down else "up"}}).encode()
                self.send_response(503 if down else 200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        return Ready
