// The steps that make gemlet; README.md beside this file says in which order.
//   gemlet corpus FILE MIX DOCUMENTS SEED       documents as rows of JSON; MIX is parts or scripts
//   gemlet tokenizer FILE DOCUMENTS SEED SIZE WORDS   tokenizer.json, learned from such documents
//   gemlet folder FOLDER TOKENIZER SIZES SEED   a model with random weights: layers,hidden,heads,kv heads,head dim,mlp

using System.Globalization;
using Gemlet;

switch (args)
{
    case ["corpus", var path, var mix, var documents, var seed] when Documents.MixNames.Contains(mix):
        Corpus.Write(path, mix, Number(documents), Number(seed));
        return 0;
    case ["tokenizer", var path, var documents, var seed, var size, var words]:
        string[] texts = new string[Number(documents)];
        Parallel.For(0, texts.Length, i => texts[i] = Documents.Draw("parts", Number(seed), i));
        TokenizerDraft.Write(path, texts, (int)Number(size), (int)Number(words));
        return 0;
    case ["folder", var folder, var tokenizer, var sizes, var seed]:
        Console.WriteLine($"{ModelFolder.Write(folder, tokenizer, ModelSize.Parse(sizes), Number(seed)):N0} parameters");
        return 0;
    default:
        Console.Error.WriteLine(
            "gemlet: corpus FILE parts|scripts DOCUMENTS SEED | tokenizer FILE DOCUMENTS SEED SIZE WORDS | "
            + "folder FOLDER TOKENIZER SIZES SEED");
        return 2;
}

static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
