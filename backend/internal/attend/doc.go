// Package attend records attention over the pages and the recent window of a
// sequence, in one list a call.
//
// A call is split into batches of queries and KV heads whose scores fit the
// scratch. In a batch arrange_queries writes the queries as tiles, score runs for
// each part (the pages that lie in one segment, or the ring), softmax follows,
// weighted_sum runs for each part again, and combine adds up the splits. What
// changes from token to token is in frames that the host writes to mapped memory,
// so that the list of a layer is recorded once and serves many tokens.
package attend
