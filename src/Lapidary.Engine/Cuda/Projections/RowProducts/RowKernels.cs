using Lapidary.Engine.Cuda.Launching;
using Lapidary.Engine.Cuda.Projections.RowProducts.Shapes;

namespace Lapidary.Engine.Cuda.Projections.RowProducts;

/// <summary>The kernels of products of a few rows that read the weight's bytes, and their tiles.</summary>
internal sealed class RowKernels
{
    private readonly Kernel _nf4 = new("project_rows.cu", "project_rows_nf4");
    private readonly Kernel _nf4Wide = new("project_rows.cu", "project_rows_nf4_wide");
    private readonly Kernel _nf4Gated = new("project_rows.cu", "project_rows_nf4_gated");
    private readonly Kernel _nf4Many = new("project_rows_many.cu", "project_rows_nf4_many");
    private readonly Kernel _nf4ManyGated = new("project_rows_many.cu", "project_rows_nf4_many_gated");
    private readonly Kernel _nf4Many32 = new("project_rows_many32.cu", "project_rows_nf4_many32");
    private readonly Kernel _nf4Many32Gated = new("project_rows_many32.cu", "project_rows_nf4_many32_gated");
    private readonly Kernel _nf4Split = new("project_rows_split.cu", "project_rows_nf4_split");
    private readonly Kernel _nf4Split32 = new("project_rows_split.cu", "project_rows_nf4_split32");
    private readonly Kernel _nested = new("project_rows.cu", "project_rows_nf4_nested");
    private readonly Kernel _nestedWide = new("project_rows.cu", "project_rows_nf4_nested_wide");
    private readonly Kernel _nestedGated = new("project_rows.cu", "project_rows_nf4_nested_gated");
    private readonly Kernel _nestedMany = new("project_rows_many.cu", "project_rows_nf4_nested_many");
    private readonly Kernel _nestedManyGated = new("project_rows_many.cu", "project_rows_nf4_nested_many_gated");
    private readonly Kernel _nestedMany32 = new("project_rows_many32.cu", "project_rows_nf4_nested_many32");
    private readonly Kernel _nestedMany32Gated = new("project_rows_many32.cu", "project_rows_nf4_nested_many32_gated");
    private readonly Kernel _nestedSplit = new("project_rows_split.cu", "project_rows_nf4_nested_split");
    private readonly Kernel _nestedSplit32 = new("project_rows_split.cu", "project_rows_nf4_nested_split32");
    private readonly Kernel _bf16 = new("project_rows.cu", "project_rows_bf16");
    private readonly Kernel _bf16Gated = new("project_rows.cu", "project_rows_bf16_gated");
    private readonly Kernel _fp16 = new("project_rows.cu", "project_rows_fp16");
    private readonly Kernel _fp32 = new("project_rows.cu", "project_rows_fp32");
    private readonly Kernel _any = new("project_rows.cu", "project_rows_any");

    /// <summary>A form's kernel for few rows, and its tile.</summary>
    public (Kernel Kernel, RowTile Tile) Few(RowForm form, bool isWide) => form switch
    {
        RowForm.Nf4 => isWide ? (_nf4Wide, RowTile.FewWide) : (_nf4, RowTile.Few),
        RowForm.Nested => isWide ? (_nestedWide, RowTile.FewWide) : (_nested, RowTile.Few),
        RowForm.BFloat16 => (_bf16, isWide ? RowTile.FewLong : RowTile.Few),
        RowForm.Float16 => (_fp16, RowTile.Few),
        RowForm.Float32 => (_fp32, RowTile.Few),
        _ => (_any, RowTile.Few),
    };

    /// <summary>A form's kernel for more rows. Other forms have only the kernel for few rows, which takes them in groups.</summary>
    public (Kernel Kernel, RowTile Tile) Many(RowForm form, RowTile tile, bool isWide) => form switch
    {
        RowForm.Nf4 => (Of(tile, _nf4Many, _nf4Many32, _nf4Split, _nf4Split32), tile),
        RowForm.Nested => (Of(tile, _nestedMany, _nestedMany32, _nestedSplit, _nestedSplit32), tile),
        _ => Few(form, isWide),
    };

    private static Kernel Of(RowTile tile, Kernel many, Kernel many32, Kernel split, Kernel split32) =>
        tile == RowTile.Many ? many : tile == RowTile.Many32 ? many32 : tile == RowTile.Split ? split : split32;

    /// <summary>The kernel of gate and up; null if the form has none.</summary>
    public Kernel? Gated(RowForm form, RowTile tile) => form switch
    {
        RowForm.Nf4 => tile == RowTile.FewWide ? _nf4Gated : tile == RowTile.Many ? _nf4ManyGated : _nf4Many32Gated,
        RowForm.Nested => tile == RowTile.FewWide ? _nestedGated : tile == RowTile.Many ? _nestedManyGated : _nestedMany32Gated,
        RowForm.BFloat16 => tile == RowTile.FewWide ? _bf16Gated : null,
        _ => null,
    };
}
