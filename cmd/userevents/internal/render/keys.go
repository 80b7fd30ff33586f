// SPDX-License-Identifier: Apache-2.0

package render

import "strings"

// ShortKeys returns for each key of attributes its end, from after one of its
// dots, as short as it can be without becoming the same as that of another of
// these keys. Give it all keys that are shown side by side: those of all series
// of a metric.
func ShortKeys(keys []string) map[string]string {
	short := make(map[string]string, len(keys))
	for _, k := range keys {
		short[k] = k
	}
	taken := map[string]int{} // by how many keys each end is possible
	for k := range short {
		for end := k; ; {
			taken[end]++
			dot := strings.IndexByte(end, '.')
			if dot < 0 {
				break
			}
			end = end[dot+1:]
		}
	}
	for k := range short {
		for dot := len(k); dot > 0; {
			dot = strings.LastIndexByte(k[:dot], '.')
			if end := k[dot+1:]; taken[end] == 1 && end != "" {
				short[k] = end
				break
			}
		}
	}
	return short
}
