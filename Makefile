# Each task is in ./dev, which needs no make: `make test ARGS="-k priority"` is `./dev test -k priority`.
tasks := help demo test test-browser lint types check faults bench install lock clean

.DEFAULT_GOAL := help
.PHONY: $(tasks)
$(tasks):
	@./dev $@ $(ARGS)
