// What npm's @huggingface/hub does against a running lapidary-hubserver: node check.mjs http://127.0.0.1:PORT
// Ends with "ok" and 0, or with the first thing that is wrong and 1.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	createBranch, createRepo, deleteFiles, deleteRepo, downloadFile, fileDownloadInfo, listFiles, modelInfo, pathsInfo, repoExists,
	snapshotDownload, uploadFiles, whoAmI,
} from "@huggingface/hub";

const hubUrl = process.argv[2];
if (!hubUrl) throw new Error("usage: node check.mjs URL");
const accessToken = "hf_LapidaryTestTokenWrite00000000000";
const common = { hubUrl, accessToken };
const seeded = { ...common, repo: { type: "model", name: "acme/seeded" } };
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const bytesOf = async (blob) => Buffer.from(await blob.arrayBuffer());
const random = (size) => {
	const bytes = Buffer.alloc(size);
	for (let i = 0; i < size; i++) bytes[i] = (i * 31 + (i >> 8)) & 255;
	return bytes;
};
const rejects = async (promise, status, code) => {
	const error = await promise.then(() => assert.fail("no error"), (error) => error);
	assert.equal(error.statusCode, status, String(error));
	if (code) assert.match(JSON.stringify(error.data ?? error.message), code);
};

async function reading() {
	const me = await whoAmI(common);
	assert.equal(me.name, "ada");
	assert.deepEqual(me.orgs.map((org) => org.name), ["acme"]);
	await rejects(whoAmI({ ...common, accessToken: "hf_nobody" }), 401);

	const info = await modelInfo({ ...common, name: "acme/seeded", additionalFields: ["sha"] });
	assert.equal(info.name, "acme/seeded");
	assert.match(info.sha, /^[0-9a-f]{40}$/);
	assert.equal(await repoExists({ ...common, repo: "acme/none" }), false);
	assert.equal(await repoExists({ ...common, repo: "acme/private" }), true);
	assert.equal(await repoExists({ hubUrl, repo: "acme/private" }), false);

	// Nine entries: two pages and more where the server's page has four.
	for (const expand of [false, true]) {
		const files = [];
		for await (const file of listFiles({ ...seeded, recursive: true, expand })) files.push(file.path);
		assert.deepEqual(files.sort(), [
			".gitattributes", "README.md", "config.json", "later.txt", "model.safetensors", "sub", "sub/deep",
			"sub/deep/a b é+&.txt", "sub/notes.txt",
		].sort());
	}

	const [weights] = await pathsInfo({ ...seeded, paths: ["model.safetensors", "none"], expand: true });
	assert.equal(weights.size, 3_000_000);
	assert.equal(await fileDownloadInfo({ ...seeded, path: "none.txt" }), null);

	const regular = await bytesOf(await downloadFile({ ...seeded, path: "config.json" })); // 307
	assert.equal(regular.toString(), '{"model_type": "none"}');
	const large = await bytesOf(await downloadFile({ ...seeded, path: "model.safetensors" })); // 302
	assert.equal(sha256(large), weights.lfs.oid);
	assert.equal((await bytesOf(await downloadFile({ ...seeded, path: "sub/deep/a b é+&.txt" }))).toString(), "odd name\n");
	assert.equal(await downloadFile({ ...seeded, path: "later.txt", revision: "v1" }), null);
	const moved = await downloadFile({ ...common, repo: "acme/renamed", path: "config.json" });
	assert.equal((await bytesOf(moved)).toString(), '{"renamed": true}');
	await rejects(downloadFile({ ...common, repo: "other/gated", path: "config.json" }), 403);
	await rejects(downloadFile({ hubUrl, repo: "other/gated", path: "config.json" }), 401);
	await rejects(downloadFile({ ...common, repo: "acme/none", path: "config.json" }), 404);
}

async function snapshot(folder) {
	const path = await snapshotDownload({ ...seeded, cacheDir: folder });
	const { sha } = await modelInfo({ ...common, name: "acme/seeded", additionalFields: ["sha"] });
	assert.ok(path.endsWith(join("snapshots", sha)), path);
	assert.equal(await readFile(join(folder, "models--acme--seeded", "refs", "main"), "utf8"), sha);
	assert.equal(await readFile(join(path, "sub", "notes.txt"), "utf8"), "notes\n");
	const blobs = await readdir(join(folder, "models--acme--seeded", "blobs"));
	for (const blob of blobs.filter((name) => name.length === 64)) {
		assert.equal(sha256(await readFile(join(folder, "models--acme--seeded", "blobs", blob))), blob);
	}
}

async function writing() {
	const name = `acme/from-node-${Date.now()}`;
	const repo = { type: "model", name };
	const created = await createRepo({ ...common, repo, private: true });
	assert.equal(created.repoUrl, `${hubUrl}/${name}`);
	await rejects(createRepo({ ...common, repo }), 409);
	await rejects(createRepo({ ...common, repo: "somebody/else" }), 403);

	const small = random(1000), large = random(2_500_000);
	const upload = (files, more = {}) => uploadFiles({ ...common, repo, useXet: false, files, ...more });
	const file = (path, content) => ({ path, content: new Blob([content]) });
	const output = await upload([
		file("README.md", "---\nlicense: gemma\n---\n# From node\n"), file("basic.bin", small), file("model.safetensors", large),
		file("empty.bin", ""), file("sub/text.txt", "text"),
	], { commitTitle: "first" });
	assert.match(output.commit.oid, /^[0-9a-f]{40}$/);
	assert.equal(output.commit.url, `${hubUrl}/${name}/commit/${output.commit.oid}`);
	assert.equal(sha256(await bytesOf(await downloadFile({ ...common, repo, path: "basic.bin" }))), sha256(small));
	assert.equal(sha256(await bytesOf(await downloadFile({ ...common, repo, path: "model.safetensors" }))), sha256(large));

	await upload([file("model.safetensors", large)], { commitTitle: "again", parentCommit: output.commit.oid }); // nothing is put
	await rejects(upload([file("late.txt", "x")], { parentCommit: output.commit.oid }), 412, /A commit has happened since/);
	await deleteFiles({ ...common, repo, paths: ["basic.bin", "sub/text.txt"] });
	const left = [];
	for await (const entry of listFiles({ ...common, repo, recursive: true })) left.push(entry.path);
	assert.deepEqual(left.sort(), [".gitattributes", "README.md", "empty.bin", "model.safetensors"]);

	await createBranch({ ...common, repo, branch: "second" });
	await upload([file("on-branch.txt", "b")], { branch: "second" });
	assert.equal(await downloadFile({ ...common, repo, path: "on-branch.txt" }), null);
	await rejects(upload([file("x.txt", "x")], { branch: "none" }), 404);
	await rejects(upload([file("x.txt", "x")], { accessToken: "hf_LapidaryTestTokenRead000000000000" }), 403);
	await deleteRepo({ ...common, repo });
	assert.equal(await repoExists({ ...common, repo }), false);
}

const folder = await mkdtemp(join(tmpdir(), "lapidary-node-"));
try {
	await reading();
	await snapshot(folder);
	await writing();
	const violations = await (await fetch(`${hubUrl}/-/violations`)).json();
	assert.deepEqual(violations, []);
	const requests = await (await fetch(`${hubUrl}/-/requests`)).json();
	assert.ok(requests.some((request) => request.host === "Storage" && request.path.includes("/part/")), "no part was put");
	assert.ok(requests.every((request) => request.host === "Api" || !request.authorization));
	console.log(`ok: ${requests.length} requests`);
} finally {
	await rm(folder, { recursive: true, force: true });
}
