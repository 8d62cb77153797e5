package faults_test

func runChild(string) error { return nil }
