// Package transfer imports customers from CSV files, and holds what other imports are made of: a reader that loses no
// row, and mappings of columns to fields.
//
//	m, err := transfer.ParseMapping(json) // {"entity": "customer", "kind": "person", "system": "shop", "columns": {...}}
//	fields, err := s.Schema.Fields(ctx, customer.EntityCustomer)
//	rep, err := transfer.Customers(ctx, s.Customers, file, m, &transfer.Options{Fields: fields})
//	for _, f := range rep.Faults {
//		fmt.Println(f) // row 7, E-mail: is not an e-mail address: want name@domain
//	}
//
// Every row of a file is loaded or reported with its line, column and reason; nothing is dropped, cut or mended on the
// way, except that spaces around a value do not count. Rows are known by their external id: importing a file again
// updates. Faults never hold what stands in the file.
//
// Programs that import something else read their file with [OpenTable] and load its [Record] values themselves.
//
// Start with [Customers] and [Mapping].
package transfer
