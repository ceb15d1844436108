# README.md tells what these are for.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

# What is built in where its library is there, as pkg-config tells at the time of each command. Tests build with it, too.
TAGS = $(shell pkg-config --exists speexdsp 2>/dev/null && echo speexdsp) \
	$(shell pkg-config --exists opus 2>/dev/null && echo opus nolibopusfile)
comma = ,
go = GOFLAGS="$$GOFLAGS -tags=$(subst $() ,$(comma),$(strip $(TAGS)))" go

.PHONY: build run test clients bench faults soak fuzz lint sounds music

build:
	$(go) build -o bin/conclave ./cmd/conclave

# A server on ./data; the first time with a room to dial.
run: build
	bin/conclave serve --first-room

# The tests that call a server in real time come last, with the machine to themselves. Those that mostly wait do so by fours.
test: clients
	$(go) vet ./...
	$(go) test -race $$($(go) list ./... | grep -v /cmd/conclave$$)
	$(go) test -race -parallel 4 ./cmd/conclave

# The real phones and tools that tests call.
clients:
	testdata/clients.sh

# The runs behind the figures in README.md, a minute or so each; that with the kills takes ten.
bench: build
	bin/conclave bench --members 500 --rooms 1 --talkers 3
	bin/conclave bench --members 500 --rooms 1 --talkers 3 --codec g722
	bin/conclave bench --members 300 --rooms 1 --talkers 3 --seconds 8 --srtp AEAD_AES_128_GCM
	bin/conclave bench --members 300 --rooms 1 --talkers 3 --seconds 8 --srtp AES_CM_128_HMAC_SHA1_80
	bin/conclave bench --members 500 --rooms 50 --talkers 1
	! pkg-config --exists opus || bin/conclave bench --members 100 --rooms 1 --talkers 3 --codec opus
	! pkg-config --exists opus || bin/conclave bench --members 100 --rooms 1 --talkers 3 --codec opus16
	bin/conclave bench --members 500 --rooms 1 --talkers 500
	bin/conclave bench --members 500 --rooms 500 --talkers 0
	bin/conclave bench --members 1500 --rooms 1 --talkers 3 --seconds 60
	bin/conclave bench --members 200 --rooms 1 --talkers 3 --seconds 30 --calls-per-second 100
	bin/conclave bench --members 200 --rooms 1 --talkers 3 --seconds 30 --phones 2000 --registers-per-second 500
	bin/conclave bench --members 200 --rooms 1 --talkers 3 --flood 5000 --calls-per-second 10
	bin/conclave bench --members 200 --rooms 4 --kills 100 --calls-per-second 10
	bin/conclave bench --members 100 --rooms 50 --talkers 1 --delay
	bin/conclave bench --members 500 --talkers 3 --seconds 10 --record -o record_tracks=yes
	bin/conclave bench --members 500 --rooms 50 --talkers 1 --seconds 10 --record
	$(go) test -run '^$$' -bench Tick -benchmem ./mixer

# What the server survives, and a table of the figures: some ten minutes. A short form is part of test.
faults:
	testdata/clients.sh faults
	cd cmd/faults && $(go) test -count=1 -timeout 60m -full

# An hour of calls that come and go beside 200 that stay; fails if anything grows or is lost.
SOAKTIME = 3600
soak: build
	bin/conclave bench --members 200 --rooms 1 --talkers 3 --calls-per-second 10 --seconds $(SOAKTIME) --soak

# Each parser of what comes from outside, for FUZZTIME; FUZZ=Gate fuzzes those with Gate in their names.
FUZZTIME = 10m
FUZZ = .
fuzz:
	GOFLAGS="$$GOFLAGS -tags=$(subst $() ,$(comma),$(strip $(TAGS)))" testdata/fuzz.sh $(FUZZTIME) '$(FUZZ)'

# govulncheck exits with 3 for a finding; without its database it can tell nothing.
lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-clean: $$unformatted"; exit 1; }
	$(go) vet ./...
	$(go) run $(STATICCHECK) ./...
	GOBIN=$(CURDIR)/bin $(go) install $(GOVULNCHECK)
	@bin/govulncheck ./...; code=$$?; test $$code -ne 3 || exit 1; test $$code -eq 0 || echo "govulncheck did not run: exit code $$code"

# Both write files that are in the repository; they change where the texts or the piece do.
sounds:
	$(go) run ./cmd/prompts

music:
	$(go) run ./cmd/holdmusic
