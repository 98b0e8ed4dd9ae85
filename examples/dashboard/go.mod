module downlink.dev/examples/dashboard

go 1.19

require downlink.dev/go v0.0.0

replace downlink.dev/go => ../../sdk/go
