// Package pipelinestore keeps pipelines, leads and opportunities in the CRM's database: rows and statements, no
// rights and no rules. It implements pipeline.Store over package store.
//
// Start with [New].
package pipelinestore
