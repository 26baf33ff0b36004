"""Cuts the output of make_reference.py down to what the tests read. Usage: trim_reference.py REFERENCE OUTDIR
Logits keep every 8th row from row 7; the .safetensors files are then compressed one by one with Brotli (quality 11, window 24)."""
import json,struct,os,shutil,sys
src,dst=sys.argv[1:3]
shutil.rmtree(dst,ignore_errors=True); os.makedirs(dst)
def read(f):
    b=open(f,'rb').read(); n=struct.unpack('<Q',b[:8])[0]; h=json.loads(b[8:8+n]); return h,b[8+n:]
def write(f,h,data):
    out={};blob=b''
    for k in h:
        if k=='__metadata__': out[k]=h[k]; continue
        d=data[k]; out[k]={**h[k],'data_offsets':[len(blob),len(blob)+len(d)]}; blob+=d
    j=json.dumps(out,separators=(',',':')).encode(); j+=b' '*(-len(j)%8)
    os.makedirs(os.path.dirname(f),exist_ok=True); open(f,'wb').write(struct.pack('<Q',len(j))+j+blob)
def trim(name,keep=lambda k:True,every=()):
    h,b=read(f'{src}/{name}'); nh={};nd={}
    for k,v in h.items():
        if k=='__metadata__': nh[k]=v; continue
        if not keep(k): continue
        d=b[v['data_offsets'][0]:v['data_offsets'][1]]
        v=dict(v)
        if k in every:   # every 8th row of the flattened [rows, vocabulary], starting at row 7
            dim=v['shape'][-1]; rows=1
            for s in v['shape'][:-1]: rows*=s
            rb=dim*4; idx=range(7,rows,8); d=b''.join(d[i*rb:(i+1)*rb] for i in idx); v['shape']=[len(idx),dim]
        nh[k]=v; nd[k]=d
    write(f'{dst}/{name}',nh,nd)
L={'long.logits','short.logits'}
trim('forward.safetensors',lambda k:'short.hidden' not in k and k not in('long.hidden.1','long.hidden.2','long.hidden.4','long.hidden.5'),L)
trim('lora_grad.safetensors',every={'logits'})
trim('qlora.safetensors',every={'logits','base_logits'})
trim('packed.safetensors',every={'logits'})
trim('merged_logits.safetensors',every={'logits'})
trim('multimodal_text.safetensors',lambda k:k in('input_ids','logits'))
trim('nf4.safetensors',lambda k:k in('nf4.code','nested.code') or k.split('.')[0] in('a96x64','b33x50','c1x64','z16x64') or (k.split('.')[0] in('d512x96','t129x513') and '.bfloat16' in k and not k.endswith('dq.dequant')))
trim('merged_fp32/model.safetensors',lambda k:k in('model.layers.5.self_attn.q_proj.weight','model.layers.5.mlp.down_proj.weight'))
for f in ['generate.safetensors','trajectory.safetensors','trajectory_tied.safetensors']: shutil.copy(f'{src}/{f}',dst)
trim('multimodal/model.safetensors',lambda k:k.startswith('language_model') or 'multi_modal' in k or 'embeddings' in k)
for d in ['model','multimodal','prequantized','adapter','adapter_after_12_steps','adapter_tied','adapter_tied_after_12_steps','merged_fp32']:
    os.makedirs(f'{dst}/{d}',exist_ok=True)
    for f in os.listdir(f'{src}/{d}'):
        if not os.path.exists(f'{dst}/{d}/{f}'): shutil.copy(f'{src}/{d}/{f}',f'{dst}/{d}/{f}')
os.system(f'chmod -R u+w {dst}; du -sb {dst}/* | sort -n')
