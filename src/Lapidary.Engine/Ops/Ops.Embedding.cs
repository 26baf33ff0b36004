namespace Lapidary.Engine;

public static partial class Ops
{
    /// <summary>Token ids to hidden states: y[t] = table[ids[t]] · scale.</summary>
    /// <param name="tape">Receives the calls.</param>
    /// <param name="ids">Int32 [tokens].</param>
    /// <param name="table">[vocabulary, hidden].</param>
    /// <param name="scale">Gemma's √hidden.</param>
    /// <param name="dTable">Gradient of the table if it is trained, else null.</param>
    /// <returns>[tokens, hidden], of the residual stream's type.</returns>
    /// <exception cref="ShapeException"><paramref name="ids"/> is not Int32, or <paramref name="table"/> is not a matrix.</exception>
    public static Tensor Embedding(Tape tape, Tensor ids, Tensor table, float scale, Tensor? dTable)
    {
        Check(ids.DType == DType.Int32, nameof(Embedding), nameof(ids), "Int32 [tokens]", ids);
        Check(table.Shape.Length == 2, nameof(Embedding), nameof(table), "[vocabulary, hidden]", table);
        var y = tape.New(tape.ResidualDType, ids.Count, table.Shape[1]);
        tape.Run(ops => ops.EmbeddingForward(ids, table, scale, y));
        if (dTable is not null)
        {
            tape.OnBackward(y, dy => tape.Run(ops => ops.EmbeddingBackward(ids, dy, scale, dTable)));
        }

        return y;
    }
}
