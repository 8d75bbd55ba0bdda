// Package backend is the KV cache that runtimes use.
//
// A Cache on a device.Device holds Sequences: the K and V rows of a text each.
// A model step appends the rows of its tokens to every layer, attends to each
// layer, and ends with Step:
//
//	dev, err := device.Open("", device.Options{})
//	cache, err := backend.New(dev, backend.Config{Layers: 30, KVHeads: 3, QueryHeads: 9, HeadDim: 64, Capacity: 8192,
//		Policy: policy.QAQ{KeyError: 0.005, ValueError: 0.002, MinBits: 1, MaxBits: 8}})
//	text, err := cache.NewSequence()
//	err = text.Append(layer, k, v)
//	err = text.Attend(ctx, layer, q, out, backend.AttendOptions{})
//	err = text.Step(ctx)
//
// The newest tokens stay as they came (Config.Recent); whole pages of tokens that
// left this window are quantized with the bits that a policy.Policy chooses from
// their ranges and from their importance, the largest attention probability of
// the last queries. As importance changes, bits are chosen anew: fewer by
// dropping planes on the device, more from full-precision rows on the host
// (Config.HostBudget), while steps go on or, with Config.Synchronous, before they
// return. Results are the same bits on every device.
//
// With Config.Profile, the tables that qaqvk calibrate makes of a model, rows go to the
// basis of the profile, have no ranges and a level for each token of a layer that
// follows from its decayed importance (policy.Levels): a third of the bytes at the
// same quality.
//
// Fork shares pages, Rollback drops the last tokens, Drop ends a sequence; after
// any of them a sequence is what one is that was built afresh with the same
// tokens. Read and Observe serve runtimes that compute attention themselves.
// With Config.Reserve no step takes device memory.
//
// Errors are typed (errors.go) and leave things as they were, but for ErrDeferred
// and where the device was lost; a Cache and its sequences are for one goroutine at a time.
// docs/architecture.md says how it works inside.
package backend
