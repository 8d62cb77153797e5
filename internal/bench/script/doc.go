// Package script writes down what the peers of the bench run.
//
// A script has a fixed form, whatever the CRM sends: what a peer asks is written by hand, and what it writes is one
// plain statement for each row in each table, between a begin and a commit of their own. The values come from a run of
// the CRM's own operation: a [Watcher] sees which rows the run leaves, and a [Builder] makes their statements
// repeatable, with new ids, times and versions where running them again must not find what they wrote. So a peer
// leaves the same rows, by construction.
//
// Start with [Builder].
package script
