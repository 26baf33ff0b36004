using Lapidary.Jinja.Objects;
using Lapidary.Jinja.Parsing;

namespace Lapidary.Jinja.Rendering;

/// <summary>A macro and the scope it was defined in.</summary>
internal sealed record MacroValue(Macro Macro, Scope Scope) : Callable;
