"""What runs inside of a task's process, and the warm processes that tasks are forked from. Standard library only."""
