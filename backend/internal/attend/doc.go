// Package attend records attention over the pages and the recent window of a
// sequence, in one list a submission.
//
// A call is split into batches of queries and KV heads whose scores fit its
// workspace and whose work a submission may have (pace). In a batch arrange_queries
// writes the queries as tiles, score runs for each part (the pages that lie in one
// segment, or the ring), softmax follows, weighted_sum runs for each part again,
// and combine adds up the splits. What
// changes from token to token is in frames that the host writes to mapped memory,
// so that the lists of a layer, one a submission, are recorded once and serve many
// tokens. Bits do not depend on where a call is split.
package attend
