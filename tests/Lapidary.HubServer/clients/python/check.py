"""What Python's huggingface_hub (made for 1.33) does against a running lapidary-hubserver: python check.py http://127.0.0.1:PORT

Ends with "ok" and 0, or with the list of what is wrong and 1. Needs huggingface_hub; transformers and peft are used where they are.
The folder of the cache is temporary; nothing of the user's is read or written.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.request
from pathlib import Path

WRITE = "hf_LapidaryTestTokenWrite00000000000"
READ = "hf_LapidaryTestTokenRead000000000000"
MODEL = "acme/seeded"

# The second call of this script, in a process that knows it is offline: the cache of the first must be enough.
OFFLINE = len(sys.argv) == 4 and sys.argv[2] == "offline"
if len(sys.argv) != 2 and not OFFLINE:
    sys.exit(__doc__)
URL = sys.argv[1].rstrip("/")
HOME = sys.argv[3] if OFFLINE else tempfile.mkdtemp(prefix="lapidary-python-")

# Read at import.
for name in list(os.environ):
    if name.startswith(("HF_", "HUGGING", "TRANSFORMERS_")) or name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
        del os.environ[name]
os.environ.update(
    HF_ENDPOINT=URL, HF_HOME=HOME, HF_TOKEN=WRITE, HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_UPDATE_CHECK="1", NO_PROXY="127.0.0.1,localhost", DO_NOT_TRACK="1",
)
if OFFLINE:
    os.environ["HF_HUB_OFFLINE"] = "1"

import huggingface_hub  # noqa: E402
from huggingface_hub import (  # noqa: E402
    CommitOperationAdd, CommitOperationDelete, HfApi, hf_hub_download, scan_cache_dir, snapshot_download,
)
from huggingface_hub.errors import (  # noqa: E402
    DisabledRepoError, EntryNotFoundError, GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError,
    RevisionNotFoundError,
)

CACHE = Path(HOME) / "hub"
api = HfApi(endpoint=URL, token=WRITE)
failures = []


def check(name):
    """Runs a group of checks; one that fails does not hide the next."""

    def run(body):
        try:
            body()
            print(f"  {name}: good")
        except Exception:
            failures.append(name)
            print(f"  {name}: WRONG")
            traceback.print_exc()
        return body

    return run


def equal(actual, expected):
    assert actual == expected, f"expected {expected!r}, got {actual!r}"


def raises(kind, body, status=None, words=None, but=()):
    try:
        body()
    except kind as error:
        assert not isinstance(error, but), f"{type(error).__name__} came: {error}"
        if status is not None:
            equal(error.response.status_code, status)
        assert words is None or words in str(error), f"expected {words!r} in: {error}"
        return
    raise AssertionError(f"no {kind.__name__}")


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def control(what):
    with urllib.request.urlopen(f"{URL}/-/{what}") as answer:
        return json.load(answer)


def pattern(size):
    return bytes((i * 31 + (i >> 8)) & 255 for i in range(size))


def offline():
    before = len(control("requests"))

    @check("offline: files")
    def _():
        equal(Path(hf_hub_download(MODEL, "config.json")).read_text(), '{"model_type": "none"}')
        equal((Path(snapshot_download(MODEL)) / "sub" / "notes.txt").read_text(), "notes\n")
        equal((Path(snapshot_download("acme/rows", repo_type="dataset")) / "empty.txt").read_bytes(), b"")

    @check("offline: what is not there")
    def _():
        raises(LocalEntryNotFoundError, lambda: hf_hub_download("acme/none", "config.json"))
        assert huggingface_hub.try_to_load_from_cache(MODEL, "none.txt") is huggingface_hub._CACHED_NO_EXIST

    @check("offline: no request came")
    def _():
        equal(len(control("requests")), before)


def online():
    @check("whoami")
    def _():
        me = api.whoami()
        equal((me["name"], [org["name"] for org in me["orgs"]]), ("ada", ["acme"]))
        equal(me["auth"]["accessToken"]["role"], "write")
        raises(HfHubHTTPError, lambda: HfApi(endpoint=URL, token="hf_nobody").whoami(), 401)

    @check("info, tree, refs, paths")
    def _():
        info = api.model_info(MODEL, files_metadata=True)
        equal((info.id, info.private, info.gated), (MODEL, False, False))
        weights = next(file for file in info.siblings if file.rfilename == "model.safetensors")
        equal((weights.size, weights.lfs.size), (3_000_000, 3_000_000))
        equal(sorted(file.rfilename for file in info.siblings), sorted(api.list_repo_files(MODEL)))
        entries = list(api.list_repo_tree(MODEL, recursive=True))  # pages
        assert {"sub", "sub/deep", "sub/notes.txt"} <= {entry.path for entry in entries}
        equal({entry.path for entry in api.list_repo_tree(MODEL, "sub")}, {"sub/deep", "sub/notes.txt"})
        expanded = {entry.path: entry for entry in api.list_repo_tree(MODEL, recursive=True, expand=True)}
        equal(expanded["later.txt"].last_commit.title, "Add files")
        [path] = api.get_paths_info(MODEL, ["model.safetensors", "none"])
        equal(path.lfs.sha256, weights.lfs.sha256)
        refs = api.list_repo_refs(MODEL, include_pull_requests=True)
        equal({ref.name for ref in refs.branches}, {"main", "old"})
        equal([ref.name for ref in refs.tags], ["v1"])
        equal([ref.ref for ref in refs.pull_requests], ["refs/pr/1"])
        equal(api.repo_exists("acme/none"), False)
        equal(api.file_exists(MODEL, "config.json"), True)
        equal(api.file_exists(MODEL, "none.json"), False)
        assert len(api.list_repo_commits(MODEL)) == 3

    @check("download")
    def _():
        path = hf_hub_download(MODEL, "config.json")
        equal(Path(path).read_text(), '{"model_type": "none"}')
        info = api.model_info(MODEL)
        equal(Path(path).parent.name, info.sha)
        equal((CACHE / "models--acme--seeded" / "refs" / "main").read_text(), info.sha)
        weights = hf_hub_download(MODEL, "model.safetensors")
        equal(sha256(weights), Path(weights).resolve().name)
        equal(Path(hf_hub_download(MODEL, "sub/deep/a b é+&.txt")).read_text(), "odd name\n")
        hf_hub_download(MODEL, "config.json", revision="v1")
        raises(EntryNotFoundError, lambda: hf_hub_download(MODEL, "later.txt", revision="v1"), 404)
        hf_hub_download(MODEL, "config.json", revision="refs/pr/1")
        equal(Path(hf_hub_download("acme/renamed", "config.json")).read_text(), '{"renamed": true}')
        assert (CACHE / "models--acme--renamed").is_dir()
        hf_hub_download("acme/private", "config.json")

    @check("snapshot")
    def _():
        folder = Path(snapshot_download(MODEL))
        equal(folder.name, api.model_info(MODEL).sha)
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        equal(names, sorted(api.list_repo_files(MODEL)))
        snapshot_download("acme/rows", repo_type="dataset")
        some = Path(snapshot_download(MODEL, allow_patterns=["sub/*"], local_dir=Path(HOME) / "some"))
        assert (some / "sub" / "notes.txt").is_file() and not (some / "config.json").exists()

    @check("errors")
    def _():
        raises(EntryNotFoundError, lambda: hf_hub_download(MODEL, "none.txt"), 404)
        raises(RevisionNotFoundError, lambda: hf_hub_download(MODEL, "config.json", revision="none"), 404)
        raises(RepositoryNotFoundError, lambda: hf_hub_download("acme/none", "a"), 404, but=(GatedRepoError,))
        raises(RepositoryNotFoundError, lambda: hf_hub_download("acme/none", "a", token=False), 401, but=(GatedRepoError,))
        raises(RepositoryNotFoundError, lambda: api.model_info("acme/private", token=False), 401, but=(GatedRepoError,))
        raises(GatedRepoError, lambda: hf_hub_download("other/gated", "config.json", token=False), 401, "Please log in")
        raises(GatedRepoError, lambda: hf_hub_download("other/gated", "config.json"), 403, "https://huggingface.co/other/gated")
        raises(GatedRepoError, lambda: hf_hub_download("other/pending", "config.json"), 403, "awaiting a review")
        raises(DisabledRepoError, lambda: api.model_info("other/disabled"), 403)
        raises(HfHubHTTPError, lambda: api.model_info(MODEL, token="hf_nobody"), 401, "Invalid credentials",
               but=(RepositoryNotFoundError,))

    name = f"acme/from-python-{int(time.time())}"

    @check("upload")
    def _():
        folder = Path(HOME) / "upload"
        (folder / "sub").mkdir(parents=True)
        (folder / ".cache" / "huggingface").mkdir(parents=True)
        (folder / ".cache" / "huggingface" / "state").write_text("not for the repository")
        (folder / "README.md").write_text("---\nlicense: gemma\nlibrary_name: peft\ntags:\n- lora\n---\n# From Python\n")
        (folder / "basic.bin").write_bytes(pattern(1000))
        (folder / "model.safetensors").write_bytes(pattern(2_500_000))  # in parts
        (folder / "sub" / "text.txt").write_text("text")
        (folder / "empty.bin").write_bytes(b"")
        url = api.create_repo(name, private=True)
        equal(url.repo_id, name)
        raises(HfHubHTTPError, lambda: api.create_repo(name), 409)
        equal(api.create_repo(name, exist_ok=True).repo_id, name)
        raises(HfHubHTTPError, lambda: api.create_repo("somebody/else"), 403)
        assert api.model_info(name).private

        done = api.upload_folder(repo_id=name, folder_path=folder)
        equal(done.oid, api.model_info(name).sha)
        equal(set(api.list_repo_files(name)),
              {".gitattributes", "README.md", "basic.bin", "model.safetensors", "sub/text.txt", "empty.bin"})
        for file in ("basic.bin", "model.safetensors"):
            equal(sha256(hf_hub_download(name, file)), sha256(folder / file))
        equal(api.model_info(name).card_data["license"], "gemma")

        again = api.upload_folder(repo_id=name, folder_path=folder)  # nothing changed: no commit
        equal(again.oid, done.oid)
        one = api.upload_file(repo_id=name, path_or_fileobj=b"one", path_in_repo="one.txt", parent_commit=done.oid)
        raises(HfHubHTTPError, lambda: api.upload_file(
            repo_id=name, path_or_fileobj=b"two", path_in_repo="two.txt", parent_commit=done.oid), 412, "A commit has happened since")
        equal(api.model_info(name).sha, one.oid)

        api.create_commit(name, commit_message="both", operations=[
            CommitOperationDelete("basic.bin"), CommitOperationDelete("sub/"), CommitOperationAdd("new.txt", b"new")])
        equal(set(api.list_repo_files(name)),
              {".gitattributes", "README.md", "model.safetensors", "empty.bin", "one.txt", "new.txt"})
        raises(EntryNotFoundError, lambda: api.delete_file("none.txt", name), 404)

        api.create_branch(name, branch="second")
        api.create_branch(name, branch="second", exist_ok=True)
        api.upload_file(repo_id=name, path_or_fileobj=b"b", path_in_repo="on-branch.txt", revision="second")
        equal(api.file_exists(name, "on-branch.txt"), False)
        equal(api.file_exists(name, "on-branch.txt", revision="second"), True)
        raises(RevisionNotFoundError, lambda: api.upload_file(
            repo_id=name, path_or_fileobj=b"b", path_in_repo="x.txt", revision="none"), 404)
        raises(HfHubHTTPError, lambda: api.upload_file(
            repo_id=name, path_or_fileobj=b"b", path_in_repo="x.txt", token=READ), 403)
        raises(ValueError, lambda: api.upload_file(
            repo_id=name, path_or_fileobj=b"---\nlicense: mine\n---\n", path_in_repo="README.md"), words="license")
        pull = api.upload_file(repo_id=name, path_or_fileobj=b"pr", path_in_repo="pr.txt", create_pr=True)
        equal(pull.pr_num, 1)

    @check("upload of an unusual name and of a data set")
    def _():
        api.upload_file(repo_id=name, path_or_fileobj=b"odd", path_in_repo="sub/a b#%?é.txt")
        equal(Path(hf_hub_download(name, "sub/a b#%?é.txt")).read_bytes(), b"odd")
        rows = f"acme/rows-{int(time.time())}"
        api.create_repo(rows, repo_type="dataset")
        api.upload_file(repo_id=rows, repo_type="dataset", path_or_fileobj=b'{"a": 1}\n', path_in_repo="data/train.jsonl")
        equal(Path(hf_hub_download(rows, "data/train.jsonl", repo_type="dataset")).read_bytes(), b'{"a": 1}\n')
        api.delete_repo(rows, repo_type="dataset")

    @check("transformers")
    def _():
        try:
            from transformers import AutoConfig, BertConfig
        except ImportError:
            print("  transformers is not installed")
            return
        folder = Path(HOME) / "bert"
        BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64).save_pretrained(folder)
        api.upload_folder(repo_id=name, folder_path=folder)
        equal(AutoConfig.from_pretrained(name).hidden_size, 32)

    @check("peft")
    def _():
        try:
            from peft import LoraConfig, PeftConfig
        except ImportError:
            print("  peft is not installed")
            return
        folder = Path(HOME) / "lora"
        LoraConfig(r=4, target_modules=["q_proj"], base_model_name_or_path=MODEL).save_pretrained(folder)
        api.upload_folder(repo_id=name, folder_path=folder)
        equal(PeftConfig.from_pretrained(name).r, 4)

    @check("delete")
    def _():
        api.delete_repo(name)
        raises(RepositoryNotFoundError, lambda: api.model_info(name), 404)
        api.delete_repo(name, missing_ok=True)

    @check("the cache is as it should be")
    def _():
        cache = scan_cache_dir(CACHE)
        equal([str(warning) for warning in cache.warnings], [])
        assert {repo.repo_id for repo in cache.repos} >= {MODEL, "acme/rows"}

    @check("offline, in a process of its own")
    def _():
        equal(subprocess.run([sys.executable, __file__, URL, "offline", HOME]).returncode, 0)

    @check("no violation, no token at storage")
    def _():
        equal(control("violations"), [])
        requests = control("requests")
        assert any(request["host"] == "Storage" and "/part/" in request["path"] for request in requests), "no part was put"
        assert any(request["path"].endswith("/verify") for request in requests), "verify was not called"
        equal([request for request in requests if request["host"] != "Api" and request["authorization"]], [])


print(f"huggingface_hub {huggingface_hub.__version__}, {'offline, ' if OFFLINE else ''}{URL}")
try:
    offline() if OFFLINE else online()
finally:
    if not OFFLINE:
        shutil.rmtree(HOME, ignore_errors=True)
if failures:
    sys.exit(f"wrong: {', '.join(failures)}")
print("ok")
