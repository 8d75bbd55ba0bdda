// Package backend is the KV cache that runtimes use, and the devices that it
// runs on.
//
// # Devices
//
// A Device runs recorded lists of commands over buffers of 32-bit words.
// OpenDevice opens a Vulkan device, "cpu" (package cpuref; needs no Vulkan) or
// "both:NAME", which runs every list on both and compares every word that they
// wrote. A List is data: it prints one line a command and can be run again.
//
// # Cache
//
// A Cache holds Sequences: the K and V rows of a text each. What work on the
// way needs (staging memory, command lists, host rows within one budget) belongs
// to the Cache; a Sequence has its recent window, its pages, a mirror of their
// bits and its importance.
//
// The newest tokens of a sequence lie in a ring on the device as they came.
// When a page of tokens has left the recent window, encode chooses outliers,
// ranges and bits and quantizes, the host reads the bits, finds room of just
// that size, and pack writes the page. The page of K and that of V of the same
// tokens and layer lie side by side (a block), those of a layer in few device
// buffers (segments), so that reading a layer takes one list: convert the new
// rows, decode the pages, convert the recent window.
//
// With Config.Reserve, segments of that size are made by New, and the blocks of
// all layers and sequences find room there: then storing and adapting take no
// device memory, the peak is what New and NewSequence took, and of a block that
// changes there are two for the time of a batch, in room that is there anyway.
// When free room gets scattered, the blocks move together. What finds no room, and
// everything where nothing is reserved, goes to segments of a layer: these follow
// the tokens, at the price of a larger buffer and a copy now and then, a few
// layers at a time. Config.PageBytes tells what to reserve.
//
// Attend does without rows: arrange_queries, score, softmax and
// weighted_sum go over segments and ring as they are stored, combine sums up. Its list for a layer
// is recorded once and serves token after token, because what changes (how many
// tokens there are, where pages lie, where in the ring a row goes) is in frames
// and heads that the host writes to mapped memory. Queries and KV heads are
// taken in batches whose scores fit a scratch of a 200th of a full sequence's
// rows.
//
// Adapt decides the bits of all stored groups anew. A block in which bits change
// is written anew elsewhere in the reserve; a segment of a layer is rebuilt with
// all its blocks, in a buffer of its new size. Pages that stay as they are are
// copied, those that lose bits are repacked on the device alone, and those that
// gain bits get what they lack from the full-precision rows on the host. Either
// way a page is, bit for bit, what encoding it anew with these bits would give.
//
// Step does the same beside the steps: it submits the decision for some blocks
// and goes on; a goroutine prepares and writes the new ones, and the next Step
// that finds them ready puts them in place. So attention never waits for a
// promotion; only a Step that stores pages in a segment that is rebuilt, and calls
// that move or drop blocks, do. Config.Exact waits always. Config.Trace is told
// when what began and ended, so that a timeline shows it.
//
// A Policy decides: importance and range in, bits out. Importance lies on the
// device, one byte for each token, layer, KV head and query of the last
// Config.Window: Attend writes it, or Observe for runtimes that compute attention
// themselves. Kernels turn it into the weights of groups, and weights, ranges and
// the policy's limits into bits. A Weigher is a policy that gives the weights on
// the host, from importance and what it remembers of a sequence.
//
// # Forks and rollbacks
//
// Fork makes a sequence that holds the same blocks: they count their holders, and
// what is in one never changes. Adapt gives a sequence blocks of its own in the
// place of those in which bits change (of all in their segment, where that is
// rebuilt), and either can drop the last ones while the other keeps them. Host rows are
// shared likewise; the recent window, the mirror, importance and what a Weigher
// remembers are copied.
//
// Rollback drops the last tokens of a sequence. The ring has more tokens than
// the window, so that a short one changes a few numbers and no memory; for a
// longer one, rows come back from the host. Drop ends a sequence and frees what
// no other holds.
//
// After any of these a sequence reads, bit for bit, what one reads that was
// built afresh with the same tokens; where a policy adapts, after Adapt with
// the same attention rows (Rollback says what becomes of those).
//
// Read config.go, cache.go, sequence.go, append.go, attend.go, attention.go,
// attendrecord.go, flush.go, read.go, trace.go, adapt.go, round.go, adaptation.go,
// compare.go, rewrite.go, promote.go in this order; fork.go and rollback.go stand
// beside; geometry.go, store.go, arena.go, segment.go, grow.go, compact.go say
// where things lie.
package backend
