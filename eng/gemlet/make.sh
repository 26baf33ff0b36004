#!/usr/bin/env bash
# Makes gemlet: corpus, random model, pre-training, and the proof: the demo's fine-tuning and its accuracy on unseen schemas.
# Several sizes are tried; with several GPUs at the same time. Nothing that fails or takes too long stops the rest.
#
#   BIN=folder OUT=folder eng/gemlet/make.sh
#
# BIN has the programs lapidary and gemlet. Variables with their defaults are below; README.md tells what to expect.
set -u
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
BIN=${BIN:?the folder of lapidary and gemlet}
OUT=${OUT:?the folder for models and logs}
WORK=${WORK:-$(mktemp -d)}
LIMIT=${LIMIT:-310}        # seconds for everything
SEED=${SEED:-46}
DOCUMENTS=${DOCUMENTS:-500000}
MIX=${MIX:-scripts}        # of the corpus: scripts, or parts
ROWS=${ROWS:-16}           # rows of LENGTH tokens in a step
LENGTH=${LENGTH:-1024}
TRAINROWS=${TRAINROWS:-4000} TESTROWS=${TESTROWS:-1000}
PROOF=${PROOF:-50}         # seconds at the end for fine-tuning and evaluation, for each model
TOKENIZER=${TOKENIZER:-}   # a tokenizer.json; without one it is made
KEEP=${KEEP:-$OUT}         # the folder for weights
DEVICE=${DEVICE:-cuda}
TOGETHER=${TOGETHER:-1}    # models at the same time on one GPU
STEPS=${STEPS:-}           # of pre-training, instead of those that fit
# Of each model: name, layers,hidden,heads,kv heads,head dim,mlp, and peak learning rate. Of each fine-tuning: steps, learning rate, rows of
# 512 tokens in a step, and which rows (train, or short: those of few tables).
MODELS=${MODELS:-"m:6,256,4,1,64,768:3e-3"}
TUNES=${TUNES:-"240:1e-3:1:train 440:1e-3:1:train 400:1e-3:4:train"}
SHORT=${SHORT:-950}        # characters of a short row

mkdir -p "$OUT" "$WORK"
L=$BIN/lapidary G=$BIN/gemlet
gpus=$(nvidia-smi -L 2>/dev/null | grep -c '^GPU') || true
[ "$DEVICE" = cuda ] || gpus=1
[ "${gpus:-0}" -gt 0 ] || gpus=1
slots=$gpus
[ "$gpus" -gt 1 ] || slots=$TOGETHER
list=($MODELS)
[ "$slots" -gt 1 ] || list=("${list[@]:0:2}")
[ "$slots" -eq 1 ] || list=("${list[@]:0:$slots}")
say() { echo "[$SECONDS s] $*"; }
on() { if [ "$gpus" -gt 1 ]; then echo "cuda:$1"; else echo "$DEVICE"; fi; }
left() { echo $((LIMIT - SECONDS)); }
speed() { grep -oE '[0-9.]+ tok/s' "$1" | tail -1 | cut -d' ' -f1; }
say "$gpus devices, $slots at once: models ${list[*]}"

"$L" data synth --rows "$TRAINROWS" --eval-rows "$TESTROWS" --seed "$SEED" --output "$WORK/sql" > "$OUT/synth.txt" 2>&1 &
if [ -n "$TOKENIZER" ]; then cp "$TOKENIZER" "$WORK/tokenizer.json"
else timeout 120 "$G" tokenizer "$WORK/tokenizer.json" 8000 7 4096 3000; fi
timeout 100 "$G" corpus "$WORK/corpus.jsonl" "$MIX" "$DOCUMENTS" "$SEED"
wait
awk -v n="$SHORT" 'length($0) < n' "$WORK/sql/train.jsonl" > "$WORK/sql/short.jsonl"
say "corpus $(du -m "$WORK/corpus.jsonl" | cut -f1) MB, $(wc -l < "$WORK/sql/train.jsonl") rows to tune on," \
  "$(wc -l < "$WORK/sql/short.jsonl") of them short"

# pretrain NAME GPU STEPS RATE FOLDER SECONDS
pretrain() {
  timeout -s INT -k 20 "$6" "$L" train --method full --model "$WORK/$1" --dataset "$WORK/corpus.jsonl" --output-dir "$5" \
    --overwrite-output-dir --dataset-cache "$WORK/cache" --max-length "$LENGTH" --per-device-train-batch-size "$ROWS" \
    --gradient-accumulation-steps 1 --gradient-checkpointing false --max-steps "$3" --learning-rate "$4" --lr-scheduler-type cosine \
    --warmup-ratio 0.03 --weight-decay 0.01 --adam-beta2 0.98 --max-grad-norm 1 --logging-steps "$(( $3 > 400 ? $3 / 40 : 10 ))" \
    --save-strategy no --eval-strategy no --seed "$SEED" --report-to none --device "$(on "$2")"
}

# The first run reads and encodes the corpus and compiles kernels, for all of them.
for entry in "${list[@]}"; do
  IFS=: read -r name sizes rate <<< "$entry"
  timeout 30 "$G" folder "$WORK/$name" "$WORK/tokenizer.json" "$sizes" "$SEED"
  pretrain "$name" 0 "${TRY:-60}" "$rate" "$WORK/try" "${TRYSECONDS:-90}" > "$OUT/$name-try.txt" 2>&1
  say "$name tries: code $?, $(speed "$OUT/$name-try.txt") tokens/s, $(grep -oE 'loss [0-9.]+' "$OUT/$name-try.txt" | tail -1)"
done

if [ "$slots" -gt "$gpus" ]; then # how fast they are beside each other
  for entry in "${list[@]}"; do
    IFS=: read -r name sizes rate <<< "$entry"
    pretrain "$name" 0 "${TRY2:-150}" "$rate" "$WORK/try-$name" 60 > "$OUT/$name-try.txt" 2>&1 &
  done
  wait
  for entry in "${list[@]}"; do say "${entry%%:*} beside others: $(speed "$OUT/${entry%%:*}-try.txt") tokens/s"; done
fi

# tune NAME GPU STEPS RATE BATCH ROWS: the demo's fine-tuning, on rows of the domains for training
tune() {
  local run=$1-tune-$3-$4-$5-$6
  { timeout 120 "$L" train --model "$WORK/$1-made" --dataset "$WORK/sql/$6.jsonl" --template text-to-sql --quantization nf4 \
      --output-dir "$WORK/$run" --overwrite-output-dir --max-length 512 --per-device-train-batch-size "$5" \
      --gradient-accumulation-steps 1 --gradient-checkpointing false --assistant-only-loss true --max-steps "$3" --learning-rate "$4" \
      --lr-scheduler-type cosine --lora-dropout 0 --max-grad-norm 1 --logging-steps 20 --save-strategy no --report-to none --seed "$SEED" \
      --device "$(on "$2")"
    timeout 120 "$L" eval --metric sql-execution --model "$WORK/$1-made" --adapter "$WORK/$run" --quantization nf4 \
      --dataset "$WORK/sql/test.jsonl" --template text-to-sql --max-new-tokens 128 --failures "$OUT/$run-wrong.jsonl" --device "$(on "$2")"
  } > "$OUT/$run.txt" 2>&1
  say "$run: $(grep -E '^step' "$OUT/$run.txt" | tail -1 | grep -oE 'loss [0-9.]+'), $(grep -m1 -E '^accuracy' "$OUT/$run.txt")"
}

# make GPU MODEL...: one after the other on a device
make() {
  local gpu=$1 entry count name sizes rate seconds steps t how
  shift
  count=$#
  for entry in "$@"; do
    IFS=: read -r name sizes rate <<< "$entry"
    seconds=$(( $(left) / count - PROOF ))
    count=$((count - 1))
    steps=$STEPS
    [ -n "$steps" ] || steps=$(awk -v t="$(speed "$OUT/$name-try.txt")" -v s="$seconds" -v n=$((ROWS * LENGTH)) \
      'BEGIN { k = int(0.9 * (s - 6) * t / n / 0.96); print (k < 50 ? 50 : k) }')
    say "$name: $steps steps in $seconds s on device $gpu"
    pretrain "$name" "$gpu" "$steps" "$rate" "$WORK/$name-made" "$((seconds + 5))" > "$OUT/$name-train.txt" 2>&1
    say "$name trained: code $?, $(grep -E '^step' "$OUT/$name-train.txt" | tail -1)"
    if [ ! -f "$WORK/$name-made/model.safetensors" ]; then # interrupted: its last checkpoint is a model too
      cp "$(ls -d "$WORK/$name-made"/checkpoint-* | sort -V | tail -1)"/*.* "$WORK/$name-made/"
    fi
    cp "$WORK/$name-made/model.safetensors" "$KEEP/$name.safetensors"
    cp "$WORK/$name-made/config.json" "$OUT/$name-config.json"
    for t in $TUNES; do
      IFS=: read -r -a how <<< "$t"
      tune "$name" "$gpu" "${how[@]}" &
    done
    if [ -n "${BASE:-}" ]; then
      timeout 60 "$L" eval --metric sql-execution --model "$WORK/$name-made" --dataset "$WORK/sql/test.jsonl" --template text-to-sql \
        --max-new-tokens 128 --device "$(on "$gpu")" > "$OUT/$name-base.txt" 2>&1
      say "$name before: $(grep -m1 -E '^accuracy' "$OUT/$name-base.txt")"
    fi
    wait
  done
}

for ((slot = 0; slot < slots; slot++)); do
  mine=()
  for ((i = slot; i < ${#list[@]}; i += slots)); do mine+=("${list[$i]}"); done
  [ ${#mine[@]} -eq 0 ] || make "$slot" "${mine[@]}" &
done
wait
for entry in "${list[@]}"; do
  name=${entry%%:*}
  echo "== $name"
  grep -E '^step' "$OUT/$name-train.txt" | awk 'NR % 4 == 1' | cut -c1-110
  grep -A14 -m1 -E '^rows' "$OUT/$name-tune-${TUNES%%:*}-"*.txt | head -16
done
say "done"
