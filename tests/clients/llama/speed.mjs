// How fast llama.cpp, through npm's node-llama-cpp, reads prompts and writes on the CPU: tokens per second, as JSON.
// Usage: node speed.mjs MODEL.gguf PROMPT_TOKENS NEW_TOKENS TEXTS THREADS
import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const [gguf, prompt, fresh, texts, threads] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: threads });
const model = await llama.loadModel({ modelPath: gguf });
const context = await model.createContext({ contextSize: prompt + fresh + 8, sequences: texts, batchSize: 512, threads });
const sequences = Array.from({ length: texts }, () => context.getSequence());
const idsOf = (text) => Array.from({ length: prompt }, (_, i) => 100 + ((i * 37 + text * 101) % 3000));
const seconds = async (work) => { const start = performance.now(); await work(); return (performance.now() - start) / 1000; };
const each = (work) => Promise.all(sequences.map(work));

async function write(sequence, count) {
    let left = count;
    for await (const _ of sequence.evaluate([5], { temperature: 0, yieldEogToken: true })) if (--left === 0) return;
}

await each(async (sequence, i) => { await sequence.evaluateWithoutGeneratingNewTokens(idsOf(i).slice(0, 32)); await write(sequence, 4); });
await each((sequence) => sequence.clearHistory());
const reading = await seconds(() => each((sequence, i) => sequence.evaluateWithoutGeneratingNewTokens(idsOf(i))));
const writing = await seconds(() => each((sequence) => write(sequence, fresh)));
console.log(JSON.stringify({ prompt_tokens_per_second: texts * prompt / reading, new_tokens_per_second: texts * fresh / writing }));
process.exit(0); // llama.cpp's threads would keep the process
