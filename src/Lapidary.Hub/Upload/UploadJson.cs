using System.Text.Json.Serialization;

namespace Lapidary.Hub.Upload;

/// <summary>Makes a repository; without an owner it becomes the account's.</summary>
internal sealed record CreateRequest(
    string Name, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Organization, string? Visibility, string? Type);

/// <summary>A made repository, or one that exists (409).</summary>
internal sealed record CreateAnswer(string? Url, string? Error);

/// <summary>Asks how to send files.</summary>
internal sealed record PreuploadRequest(IReadOnlyList<PreuploadFile> Files, string? GitIgnore);

/// <summary>A file with its first bytes.</summary>
internal sealed record PreuploadFile(string Path, byte[] Sample, long Size);

/// <summary>How to send files.</summary>
internal sealed record PreuploadAnswer(IReadOnlyList<PreuploadMode>? Files);

/// <summary>How to send a file: uploadMode lfs or regular; oid is the branch's current content at the path.</summary>
internal sealed record PreuploadMode(string? Path, string? UploadMode, bool ShouldIgnore, string? Oid);

/// <summary>Asks about a card.</summary>
internal sealed record CardRequest(string Content, string RepoType);

/// <summary>The problems of the card.</summary>
internal sealed record CardAnswer(IReadOnlyList<CardMessage>? Errors, IReadOnlyList<CardMessage>? Warnings);

/// <summary>A line about one problem.</summary>
internal sealed record CardMessage(string? Message);

/// <summary>Asks for upload addresses.</summary>
internal sealed record BatchRequest(
    string Operation, IReadOnlyList<string> Transfers, IReadOnlyList<LfsObject> Objects,
    [property: JsonPropertyName("hash_algo")] string HashAlgorithm, BatchRef Ref);

/// <summary>The branch.</summary>
internal sealed record BatchRef(string Name);

/// <summary>A content.</summary>
internal sealed record LfsObject(string Oid, long Size);

/// <summary>The upload addresses.</summary>
internal sealed record BatchAnswer(string? Transfer, IReadOnlyList<BatchObject>? Objects);

/// <summary>The upload address of a content; without actions, the content is already stored.</summary>
internal sealed record BatchObject(string? Oid, long Size, BatchActions? Actions, BatchError? Error);

/// <summary>The error.</summary>
internal sealed record BatchError(int Code, string? Message);

/// <summary>The actions to take.</summary>
internal sealed record BatchActions(BatchAction? Upload, BatchAction? Verify);

/// <summary>A request to make; for a multipart upload, the header has chunk_size and the parts' addresses by number.</summary>
internal sealed record BatchAction(string? Href, Dictionary<string, string>? Header);

/// <summary>Ends a multipart upload.</summary>
internal sealed record Completion(string Oid, IReadOnlyList<CompletedPart> Parts);

/// <summary>A stored part; the tag as received, with its quotes.</summary>
internal sealed record CompletedPart(int PartNumber, string Etag);

/// <summary>A made commit.</summary>
internal sealed record CommitAnswer(string? CommitOid, string? CommitUrl);

/// <summary>Asks for files of a revision.</summary>
internal sealed record PathsRequest(IReadOnlyList<string> Paths, bool Expand);

/// <summary>A file of a revision; lfs.oid is its content's SHA-256.</summary>
internal sealed record PathAnswer(string? Path, string? Oid, PathLfs? Lfs);

/// <summary>Its LFS data.</summary>
internal sealed record PathLfs(string? Oid);

/// <summary>The first line of a commit.</summary>
internal sealed record CommitHeader(string Summary, string Description, string ParentCommit);

/// <summary>A line of a commit for a content in LFS.</summary>
internal sealed record CommitLfsFile(string Path, string Algo, string Oid, long Size);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CreateRequest))]
[JsonSerializable(typeof(CreateAnswer))]
[JsonSerializable(typeof(PreuploadRequest))]
[JsonSerializable(typeof(PreuploadAnswer))]
[JsonSerializable(typeof(CardRequest))]
[JsonSerializable(typeof(CardAnswer))]
[JsonSerializable(typeof(BatchRequest))]
[JsonSerializable(typeof(BatchAnswer))]
[JsonSerializable(typeof(Completion))]
[JsonSerializable(typeof(CommitAnswer))]
[JsonSerializable(typeof(PathsRequest))]
[JsonSerializable(typeof(PathAnswer[]))]
[JsonSerializable(typeof(CommitHeader))]
[JsonSerializable(typeof(CommitLfsFile))]
[JsonSerializable(typeof(string))]
internal sealed partial class UploadJson : JsonSerializerContext;
