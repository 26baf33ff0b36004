using Lapidary.Cli;
using Lapidary.Cli.Output;

LostPages.Explain();
using var interruption = new Interruption();
return LapidaryTool.Run(args, Terminal.System(interruption));
