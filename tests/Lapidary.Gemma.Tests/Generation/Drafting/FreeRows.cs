using Lapidary.Gemma.Generation.Drafting;

namespace Lapidary.Gemma.Tests.Generation.Drafting;

/// <summary>As if further rows cost nothing.</summary>
internal sealed class FreeRows : StepCosts
{
    public override double? Of(int rows) => 1;
}
