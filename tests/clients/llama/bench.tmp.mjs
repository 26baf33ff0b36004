import { getLlama, LlamaLogLevel } from "node-llama-cpp";
const [, , gguf, prompt, decode, threads] = process.argv;
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: Number(threads ?? 2) });
const model = await llama.loadModel({ modelPath: gguf });
const context = await model.createContext({ contextSize: 2048, sequences: 1, batchSize: 512, threads: Number(threads ?? 2) });
const sequence = context.getSequence();
const ids = Array.from({ length: Number(prompt) }, (_, i) => 1000 + (i * 37) % 200000);
for (let round = 0; round < 3; round++) {
    await sequence.clearHistory();
    let start = performance.now();
    await sequence.evaluateWithoutGeneratingNewTokens(ids);
    const prefill = performance.now() - start;
    let n = 0; start = performance.now();
    for await (const token of sequence.evaluate([5000], { temperature: 0 })) { n++; if (n >= Number(decode)) break; }
    const ms = performance.now() - start;
    console.log(`prefill ${(ids.length / prefill * 1000).toFixed(1)} tok/s, decode ${(n / ms * 1000).toFixed(2)} tok/s`);
}
process.exit(0);
