"""Both directions between lapidary and Python's huggingface_hub, on the same caches and token files:
python both.py URL LAPIDARY WORK

URL is a running lapidary-hubserver's, started with --generate acme/big:model.safetensors:300M; LAPIDARY the tool; WORK a folder with
"tinymodel" and "train.jsonl" of `lapidary demo`. Needs huggingface_hub, transformers, peft and torch. Ends with "ok", or with the list of
what is wrong.
"""
import hashlib
import json
import os
import subprocess
import sys
import traceback
import urllib.request
from pathlib import Path
URL, LAP, WORK = (sys.argv[1].rstrip('/'), sys.argv[2], Path(sys.argv[3]))
TOKEN = 'hf_LapidaryTestTokenWrite00000000000'
for name in list(os.environ):
    if name.startswith(('HF_', 'HUGGING')):
        del os.environ[name]
os.environ.update(HF_ENDPOINT=URL, HF_HOME=str(WORK / 'py'), HF_TOKEN=TOKEN, HF_HUB_DISABLE_XET='1', HF_HUB_DISABLE_TELEMETRY='1', HF_HUB_DISABLE_PROGRESS_BARS='1', HF_HUB_DISABLE_UPDATE_CHECK='1', NO_PROXY='127.0.0.1,localhost', DO_NOT_TRACK='1', DOTNET_SYSTEM_GLOBALIZATION_INVARIANT='1')
import huggingface_hub
from huggingface_hub import HfApi, snapshot_download, hf_hub_download, scan_cache_dir
print('huggingface_hub', huggingface_hub.__version__)
api = HfApi(endpoint=URL, token=TOKEN)
bad = []


def lap(home, *args, env=None, ok=True):
    e = dict(os.environ, HF_HOME=str(WORK / home), **env or {})
    r = subprocess.run([LAP, *args], capture_output=True, text=True, env=e)
    if ok and r.returncode:
        raise AssertionError(f'{args}: {r.returncode} {r.stdout} {r.stderr}')
    return r


def check(name):

    def run(body):
        try:
            body()
            print('  good:', name)
        except BaseException:
            bad.append(name)
            print('  WRONG:', name)
            traceback.print_exc()
    return run


def tree(folder):
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(Path(folder).rglob('*')) if p.is_file() and '.cache' not in p.parts}
model = WORK / 'tinymodel'


@check("python uploads, lapidary downloads; python offline reads lapidary's cache")

def _():
    api.create_repo('acme/frompython')
    api.upload_folder(repo_id='acme/frompython', folder_path=str(model))
    out = json.loads(lap('l1', 'download', 'acme/frompython', '--json').stdout)
    got, want = (tree(out['path']), tree(model))
    assert {k: v for k, v in got.items() if k != '.gitattributes'} == want, (got, want)
    code = "import os,sys;from huggingface_hub import snapshot_download,hf_hub_download,scan_cache_dir;p=snapshot_download('acme/frompython');print(p);print(hf_hub_download('acme/frompython','config.json'));s=scan_cache_dir();print(len(s.warnings),[str(w) for w in s.warnings]);sys.exit(len(s.warnings))"
    e = dict(os.environ, HF_HOME=str(WORK / 'l1'), HF_HUB_OFFLINE='1')
    r = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=e)
    print(r.stdout.strip())
    assert r.returncode == 0, r.stdout + r.stderr
    assert r.stdout.splitlines()[0] == out['path']


@check("lapidary uploads, python downloads; lapidary offline reads python's cache")

def _():
    up = json.loads(lap('l2', 'upload', str(model), 'acme/fromlapidary', '--json').stdout)
    print('   ', up)
    p = snapshot_download('acme/fromlapidary')
    assert {k: v for k, v in tree(p).items() if k in tree(model)} == tree(model)
    out = json.loads(lap('py', 'download', 'acme/fromlapidary', '--json', env={'HF_HUB_OFFLINE': '1'}).stdout)
    assert out['path'] == p and out['commit'] == up['commit'], (out, p)
    again = json.loads(lap('l2', 'upload', str(model), 'acme/fromlapidary', '--json').stdout)
    assert again['commit'] == up['commit']
    print('   ', [f.rfilename for f in api.model_info('acme/fromlapidary').siblings])


@check("lapidary goes on with a cache that python began, online, and python with lapidary's")

def _():
    hf_hub_download('acme/frompython', 'config.json')
    out = json.loads(lap('py', 'download', 'acme/frompython', '--json').stdout)
    assert {k: v for k, v in tree(out['path']).items() if k != '.gitattributes'} == tree(model)
    s = scan_cache_dir()
    assert not s.warnings, s.warnings
    assert snapshot_download('acme/frompython') == out['path']


@check('two at once on one cache, 300 MB: python and lapidary')

def _():
    e = dict(os.environ, HF_HOME=str(WORK / 'both'))
    a = subprocess.Popen([sys.executable, '-c', "from huggingface_hub import snapshot_download;print(snapshot_download('acme/big'))"], env=e, stdout=subprocess.PIPE, text=True)
    b = subprocess.Popen([LAP, 'download', 'acme/big', '--json'], env=e, stdout=subprocess.PIPE, text=True)
    oa, ob = (a.communicate()[0], b.communicate()[0])
    assert a.returncode == 0 and b.returncode == 0, (a.returncode, b.returncode)
    assert oa.strip() == json.loads(ob)['path']
    blobs = list((WORK / 'both/hub/models--acme--big/blobs').iterdir())
    print('   ', [x.name[:12] for x in blobs])
    assert all((hashlib.sha256(x.read_bytes()).hexdigest() == x.name for x in blobs if len(x.name) == 64)) and (not any(('incomplete' in x.name for x in blobs)))


@check("login: python reads our token files, we read python's")

def _():
    r = subprocess.run([LAP, 'login'], input=TOKEN + '\n', capture_output=True, text=True, env={k: v for k, v in dict(os.environ, HF_HOME=str(WORK / 'l3')).items() if k != 'HF_TOKEN'})
    print('   ', r.stdout.strip(), r.stderr.strip())
    assert r.returncode == 0
    for f in ('token', 'stored_tokens'):
        q = WORK / 'l3' / f
        print('   ', f, oct(q.stat().st_mode), repr(q.read_text().replace(TOKEN, 'TOKEN')))
    e = {k: v for k, v in dict(os.environ, HF_HOME=str(WORK / 'l3')).items() if k != 'HF_TOKEN'}
    r = subprocess.run([sys.executable, '-c', "from huggingface_hub import whoami, get_token; from huggingface_hub.utils import get_stored_tokens; print(whoami()['name'], get_token() is not None, list(get_stored_tokens()))"], capture_output=True, text=True, env=e)
    print('   ', r.stdout.strip(), r.stderr[-300:])
    assert r.returncode == 0
    e['HF_HOME'] = str(WORK / 'l4')
    r = subprocess.run([sys.executable, '-c', f"from huggingface_hub import login; login('{TOKEN}')"], capture_output=True, text=True, env=e)
    assert r.returncode == 0, r.stderr
    r = subprocess.run([LAP, 'whoami'], capture_output=True, text=True, env=e)
    print('   ', r.stdout.strip())
    assert r.returncode == 0, r.stderr


@check('train by ids with push; PEFT and transformers load the pushed adapter from the Hub by id')

def _():
    api.create_repo('acme/rows2', repo_type='dataset')
    api.upload_file(path_or_fileobj=str(WORK / 'train.jsonl'), path_in_repo='train.jsonl', repo_id='acme/rows2', repo_type='dataset')
    r = lap('l5', 'train', '--model', 'acme/frompython', '--dataset', 'acme/rows2', '--template', 'text-to-sql', '--output-dir', str(WORK / 'run'), '--max-steps', '4', '--device', 'cpu', '--push-to-hub', '--hub-model-id', 'acme/adapter', '--save-strategy', 'steps', '--save-steps', '2', '--max-length', '128')
    print(r.stdout[-1500:], r.stderr[-600:])
    cfg = json.loads((WORK / 'run/adapter_config.json').read_text())
    assert cfg['base_model_name_or_path'] == 'acme/frompython', cfg
    info = api.model_info('acme/adapter')
    print('   ', info.private, [s.rfilename for s in info.siblings], info.card_data and info.card_data.to_dict())
    assert info.private
    import torch
    from transformers import AutoModelForCausalLM
    from peft import PeftModel
    base = AutoModelForCausalLM.from_pretrained('acme/frompython', dtype=torch.float32)
    m = PeftModel.from_pretrained(base, 'acme/adapter')
    print('   ', type(m).__name__, sum((p.numel() for p in m.parameters())))


@check('violations')

def _():
    v = json.load(urllib.request.urlopen(URL + '/-/violations'))
    print('   ', len(v), str(v)[:3000])
    assert not v
print('ok' if not bad else bad)
sys.exit(bool(bad))
