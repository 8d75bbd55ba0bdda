// A chat with node-llama-cpp, whose KV cache is in qaqvk where GGML_BACKEND_PATH says so:
//
//	node chat.mjs FOLDER-OF-NODE-MODULES MODEL.gguf TEXT-FILE
//
// prints the answers as they come, then tokens and seconds.
import {readFileSync} from "node:fs";
import {pathToFileURL} from "node:url";

const [modules, modelPath, textPath] = process.argv.slice(2);
const {getLlama, LlamaChatSession} = await import(pathToFileURL(modules + "/node-llama-cpp/dist/index.js"));

const llama = await getLlama({gpu: false, build: "never", logLevel: "warn"});
const model = await llama.loadModel({modelPath, gpuLayers: 99});
const context = await model.createContext({contextSize: 2048, batchSize: 512, threads: 1, flashAttention: true});
const sequence = context.getSequence();
const session = new LlamaChatSession({contextSequence: sequence});

// ask prints the answer to a question and tells the tokens and milliseconds of it.
async function ask(question, maxTokens) {
	const began = performance.now();
	let first = 0, tokens = 0;
	await session.prompt(question, {
		maxTokens, temperature: 0,
		onToken(list) {
			first ||= performance.now();
			tokens += list.length;
			process.stdout.write(model.detokenize(list));
		},
	});
	process.stdout.write("\n");
	return {tokens: tokens - 1, ms: performance.now() - first, prompt: first - began};
}

const text = readFileSync(textPath, "utf8");
const read = await ask("Here is a text.\n\n" + text + "\n\nSay in a few sentences what it is about.", 64);
const more = await ask("Name one thing that it says about drivers.", 48);
const decoded = read.tokens + more.tokens, ms = read.ms + more.ms;
console.log(`[${sequence.nextTokenIndex} tokens in the context; read in ${((read.prompt + more.prompt) / 1000).toFixed(1)} s, then ${(decoded / ms * 1000).toFixed(1)} tokens/s]`);
await context.dispose();
await model.dispose();
await llama.dispose();
