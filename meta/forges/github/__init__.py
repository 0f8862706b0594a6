"""Issues in, pull requests out: the worker's changes, and proposals.

`delivery` takes an issue's address (`address`), reads it as it stood when the work was asked for (`issue`), has the
worker submit a change, pushes it (`remote`) and opens a pull request (`pull_request`). `webhook_event` and `trigger`
decide whether an event of GitHub starts that, and `workflow` is the file that sends such events. `publication` turns a
proposal into a pull request, and `proposal_feedback` takes what happens to it there as a person's word.

Each function takes the settings of GitHub and whatever else it uses. Nothing here is done twice: whoever asks again
gets the pull request that exists.
"""
