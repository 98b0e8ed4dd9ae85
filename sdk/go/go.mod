module downlink.dev/go

go 1.19
