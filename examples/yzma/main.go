//go:build ggml

// Command yzma runs llama.cpp from Go, with its KV cache in qaqvk, in one process with
// one Go runtime:
//
//	yzma LIBRARIES MODEL.gguf QUESTION
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/hybridgroup/yzma/pkg/llama"

	"github.com/qaqvk/qaqvk/backend/ggml"
)

const mostTokens = 40

func main() {
	if len(os.Args) != 4 {
		log.Fatal("yzma LIBRARIES MODEL.gguf QUESTION")
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func run(libraries, path, question string) error {
	if err := llama.Load(libraries); err != nil {
		return err
	}
	llama.Init()
	if err := ggml.Register(filepath.Join(libraries, "libggml.so")); err != nil {
		return err
	}
	model, err := llama.ModelLoadFromFile(path, llama.ModelDefaultParams())
	if err != nil {
		return err
	}
	params := llama.ContextDefaultParams()
	params.NCtx = 512
	params.FlashAttentionType = llama.FlashAttentionTypeEnabled
	context, err := llama.InitFromModel(model, params)
	if err != nil {
		return errors.Join(err, llama.ModelFree(model))
	}
	err = answer(context, llama.ModelGetVocab(model), question)
	return errors.Join(err, llama.Free(context), llama.ModelFree(model))
}

// answer prints the most likely answer to a question.
func answer(context llama.Context, vocab llama.Vocab, question string) error {
	prompt := "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n"
	sampler := llama.SamplerChainInit(llama.SamplerChainDefaultParams())
	llama.SamplerChainAdd(sampler, llama.SamplerInitGreedy())
	batch := llama.BatchGetOne(llama.Tokenize(vocab, prompt, false, true))
	for range mostTokens {
		if result, err := llama.Decode(context, batch); err != nil || result != 0 {
			return fmt.Errorf("decode: %d: %w", result, err)
		}
		token := llama.SamplerSample(sampler, context, -1)
		if llama.VocabIsEOG(vocab, token) {
			break
		}
		piece := make([]byte, 64)
		fmt.Print(string(piece[:max(0, llama.TokenToPiece(vocab, token, piece, 0, false))]))
		batch = llama.BatchGetOne([]llama.Token{token})
	}
	fmt.Println()
	return nil
}
