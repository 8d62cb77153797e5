// Package transfer imports records from CSV and NDJSON files: every kind of record by the same reader, mapping, rehearsal
// and report.
//
//	m, err := transfer.ParseMapping(json) // {"entity": "lead", "customers": "shop", "without_ids": true, "columns": {...}}
//	rep, err := transfer.Import(ctx, s.Leads.Import(), file, m, &transfer.Options{DryRun: true})
//	for _, f := range rep.Faults {
//		fmt.Println(f) // line 7, Score: want a whole number
//	}
//
// Every row of a file is loaded or reported with its line, column and reason; nothing is dropped, cut or mended on the
// way, except that spaces around a value do not count. Of a row that is refused nothing is written. Rows of kinds that have
// external ids are known by them: importing a file again updates. Faults never hold what stands in the file.
//
// A façade offers its [Target]: what a column may fill comes from the declaration of the kind and of its draft, with the
// tenant's custom fields. Programs that make something else of their rows read them with [OpenTable].
//
// Start with [Import] and [Mapping].
package transfer
