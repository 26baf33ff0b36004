using Lapidary.Engine.Distributed.Mpi;
using Lapidary.Engine.Tests;
using Lapidary.Engine.Tests.Distributed;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

// A rank of a test that runs this program under mpirun; otherwise the tests, as the generated program would run them.
if (args is [MpiRank.Argument, var work]) return MpiRank.Run(work);
if (args is [MpiRank.Argument, var other, var flavor]) return MpiRank.Run(other, Enum.Parse<MpiFlavor>(flavor));
return args.Any(argument => argument is "-automated" or "@@")
    ? await ConsoleRunner.Run(args)
    : await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions);
