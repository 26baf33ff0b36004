// Expected ids, offsets and decodings of the small tokenizer by Hugging Face's own Rust code (npm "tokenizers" 0.23.2).
// Run in this folder, with the package installed in a folder of yours:
//   npm install --prefix FOLDER tokenizers@0.23.2 && node make_small_cases.mjs FOLDER
import { createRequire } from "node:module";
import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants } from "node:zlib";
import { resolve } from "node:path";

const { Tokenizer } = createRequire(resolve(process.argv[2], "package.json"))("tokenizers");
const tokenizer = Tokenizer.fromString(readFileSync("../../../src/Lapidary.TextToSql/Assets/tokenizer.json", "utf8"));

let state = 20250101;
const random = (n) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % 65521 % n;
const pick = (list) => list[random(list.length)];

const fragments = ["SELECT ", "name", " FROM ", "customers", "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<unk>", "<mask>", "<0x41>", "</", "> </", " </", ">", "▁", "▁▁", " ", "  ", "     ",
  "            ", "\n", "\n\n", "\n\n\n\n\n\n\n\n\n\n", "\t", "\t\t\t", "\r\n", "é", "ß", "日本", "🙂", "👩‍👩‍👧", "🏽", "\u0000", "\u007f", "\u200b", "\ufeff", "a", "bb", "ccc", "=", "=====", "1", "2025", ".", ",", ";", "'", "\"",
  "(", ")", "*", "What is the", " average", " of", "ab", "ba", "\u00a0", "ａ", "한국어", "العربية", "__", "T1.", "id", " COUNT(*)", "%", "\\"];
const strings = ["", " ", "▁", "> </SCHEMA>", ">▁</", "> <", "a > </b", "How many customers are there?", "SELECT T1.name, T2.price FROM orders AS T1 JOIN products AS T2 ON T1.id = T2.customer_id WHERE T2.price LIKE '%Paris%'",
  "<bos><start_of_turn>user\nHello<end_of_turn>\n<start_of_turn>model\n", "x".repeat(300), "=".repeat(100), "ab".repeat(200), " ".repeat(100), "🙂".repeat(50), "SELECT".repeat(60), "\n".repeat(50), "<start_of_turn", "<<bos>>", "\ud7ff\ue000"];
while (strings.length < 220) strings.push(Array.from({ length: 1 + random(12) }, () => pick(fragments)).join(""));

const cases = [];
for (const text of strings) {
  const plain = await tokenizer.encode(text, null, { addSpecialTokens: false });
  const ids = plain.getIds();
  cases.push({
    text, ids, ids_bos: (await tokenizer.encode(text)).getIds(), offsets: plain.getOffsets(),
    decoded: await tokenizer.decode(ids, false), decoded_skip: await tokenizer.decode(ids, true),
  });
}

// Mostly byte pieces, so that runs of them are often not valid UTF-8.
const bytes = Array.from({ length: 256 }, (_, value) => tokenizer.tokenToId(`<0x${value.toString(16).toUpperCase().padStart(2, "0")}>`));
const valid = Array.from(new TextEncoder().encode("é日🙂한ß"), (value) => bytes[value]);
const decodes = [];
for (let i = 0; i < 2000; i++) {
  const ids = [];
  while (ids.length < 1 + random(10)) {
    const kind = random(10);
    if (kind < 3) ids.push(bytes[random(256)]);
    else if (kind < 5) { const at = random(valid.length); ids.push(...valid.slice(at, at + 1 + random(5))); }
    else ids.push(random(1030));
  }
  const skip = random(2) === 1;
  decodes.push({ ids, skip, text: await tokenizer.decode(ids, skip) });
}

const json = JSON.stringify({ vocab: tokenizer.getVocabSize(), cases, decodes });
writeFileSync("../tokenizer/small-cases.json.br", brotliCompressSync(json, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } }));
console.log(cases.length, decodes.length, json.length);
